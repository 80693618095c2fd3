/* Needs what a C program takes for granted: start files, libc, libm, threads, and the compiler's own runtime. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static int constructed;
static _Thread_local int own = 1;

__attribute__((constructor)) static void construct(void)
{
    constructed = 1;
}

__attribute__((destructor)) static void destruct(void)
{
    puts("destructed");
}

static void *thread(void *argument)
{
    own += *(int *)argument;
    return (void *)(intptr_t)own;
}

int main(void)
{
    /* volatile: or the compiler does it all itself. */
    volatile uint64_t dividend = UINT64_C(1000000000000000003);
    volatile uint64_t divisor = 1000000007;
    volatile long double third = 3;
    volatile double two = 2;

    printf("constructed %d\n", constructed);
    printf("division %llu %llu\n", (unsigned long long)(dividend / divisor), (unsigned long long)(dividend % divisor));
    printf("long double %.6Lf\n", 1 / third);
    printf("root %.6f\n", sqrt(two) + cos(two) * 0);

    int argument = 41;
    pthread_t id;
    void *result = NULL;
    if (pthread_create(&id, NULL, thread, &argument) || pthread_join(id, &result))
        return 1;
    printf("thread %d, main thread %d\n", (int)(intptr_t)result, own);
    return 0;
}
