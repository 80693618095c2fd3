#include "tls.h"

/* Larger than what is reserved for libraries that are opened. */
static __thread char large[5000] __attribute__((aligned(64)));
static __thread int counter MODEL("local-dynamic") = 5;
__thread int late_general MODEL("global-dynamic") = 6;

int late(int add)
{
    counter += add;
    late_general += add;
    large[sizeof large - 1] = (char)(large[sizeof large - 1] + add);
    return counter * 10000 + late_general * 100 + large[sizeof large - 1];
}

unsigned long long late_address(void)
{
    return (unsigned long long)(__UINTPTR_TYPE__)large;
}
