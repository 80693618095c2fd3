#include "tls.h"

__thread int general = 11;
__thread int initial = 22;
__thread char tail[3] = {1, 2, 3};
static __thread int first MODEL("local-dynamic") = 33;
static __thread int second MODEL("local-dynamic");
static __thread int third MODEL("local-dynamic") = 44;

int *general_in_library(void)
{
    return &general;
}

int *initial_in_library(void)
{
    extern __thread int initial MODEL("initial-exec");
    return &initial;
}

int local_in_library(int add)
{
    first += add;
    second += add;
    third += add;
    return first * 10000 + second * 100 + third;
}
