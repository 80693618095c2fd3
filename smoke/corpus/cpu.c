/* What the compiler's runtime finds out about the processor, against what the processor or the kernel says. The control
 * has but the lines: what they say is 1 for "the same". */
#include "corpus.h"

#ifndef HAS_cpu
/* Nothing to ask. */
#elif defined CONTROL
static int known(void)
{
    return 1;
}

static int agrees(unsigned i)
{
    return i < 4;
}
#elif defined __x86_64__ || defined __i386__
#include <cpuid.h>

static int known(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse2") && __builtin_cpu_supports("cmov") &&
           __builtin_cpu_is("intel") + __builtin_cpu_is("amd") <= 1;
}

static int agrees(unsigned i)
{
    unsigned a, b, c, d;
    char vendor[13] = "";
    __cpuid(0, a, b, c, d);
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &c, 4);
    __cpuid(1, a, b, c, d);
    switch (i) {
    case 0:
        return !__builtin_cpu_supports("sse3") == !(c & 1);
    case 1:
        return !__builtin_cpu_supports("popcnt") == !(c & 1u << 23);
    case 2:
        return !__builtin_cpu_is("amd") == !!strcmp(vendor, "AuthenticAMD");
    default:
        return !__builtin_cpu_is("intel") == !!strcmp(vendor, "GenuineIntel");
    }
}
#else
#include <sys/auxv.h>

#if defined __riscv
/* Single-letter extensions have the bits of their letters. */
#define LETTER(letter) (!__builtin_cpu_supports(#letter) == !(getauxval(AT_HWCAP) >> (*#letter - 'a') & 1))

static int known(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("c") && __builtin_cpu_supports("d");
}

static int agrees(unsigned i)
{
    return i == 0 ? LETTER(m) : i == 1 ? LETTER(a) : i == 2 ? LETTER(f) : LETTER(v);
}
#else
/* AT_HWCAP's bits of arm64. */
static int known(void)
{
    return __builtin_cpu_supports("fp") && __builtin_cpu_supports("simd");
}

static int agrees(unsigned i)
{
    unsigned long bits = getauxval(AT_HWCAP);
    switch (i) {
    case 0:
        return !__builtin_cpu_supports("lse") == !(bits & 1 << 8);
    case 1:
        return !__builtin_cpu_supports("crc") == !(bits & 1 << 7);
    case 2:
        return !__builtin_cpu_supports("sve") == !(bits & 1 << 22);
    default:
        return !__builtin_cpu_supports("dotprod") == !(bits & 1 << 20);
    }
}
#endif
#endif

/* Whether anything is to be called is the compiler's matter; which of the versions is called is the runtime's. */
int main(void)
{
#ifdef HAS_cpu
    line("cpu/known", known());
    for (unsigned i = 0; i < 4; i++) {
        name_1("cpu/agrees", i);
        put_i32(agrees(i));
        end();
    }
#endif
    line("processor/started", 1);
    return 0;
}
