#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Passed by value: enough members of different classes to use registers and the stack. */
struct mixed {
    int8_t small;
    double real;
    int64_t big;
    float single;
};

struct mixed c_twice(struct mixed value)
{
    struct mixed result = { 2 * value.small, 2 * value.real, 2 * value.big, 2 * value.single };
    return result;
}

/* Calls back into Rust; an unwinding panic passes through this frame. */
int c_apply(int (*function)(int), int from, int to)
{
    int sum = 0;
    for (int i = from; i <= to; i++)
        sum += function(i);
    return sum;
}

/* Defined in Rust. */
extern int rust_add(int a, int b);

static int by_magnitude(const void *a, const void *b)
{
    int x = abs(*(const int *)a), y = abs(*(const int *)b);
    return rust_add(x, -y);
}

/* C library -> C -> Rust. */
void c_sort(int *values, size_t count)
{
    qsort(values, count, sizeof *values, by_magnitude);
}

/* Written for each thread apart. */
static _Thread_local int counter;

int c_count(void)
{
    return ++counter;
}

int c_fail(void)
{
    errno = ENOENT;
    return -1;
}
