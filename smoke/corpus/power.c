/* Powers with an integer exponent. All are exact, in any order of the multiplications. */
#include "floats.h"

TABLE signed char exponents[] = {0, 1, 2, 3, 4, 5, -1, -2, -3};

#define POWER(type, call)                                                                                              \
    OPAQUE static type power_##type(type base, int exponent)                                                           \
    {                                                                                                                  \
        return call(base, exponent);                                                                                   \
    }                                                                                                                  \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        type bases[] = {(type)1.5, (type)2, (type)-3, (type)0.25, operand_##type(10)};                                 \
        for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) {                                                  \
            for (unsigned j = 0; j < sizeof exponents; j++) {                                                          \
                /* The reciprocal of an odd number is not exact. */                                                    \
                if (exponents[j] < 0 && i % 2 == 0 && i < 4)                                                           \
                    continue;                                                                                          \
                name_2("power/" #type, i, j);                                                                          \
                put_##type(power_##type(bases[i], exponents[j]));                                                      \
                end();                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }
POWER(f32, __builtin_powif)
POWER(f64, __builtin_powi)
#ifdef HAS_f80
POWER(f80, __builtin_powil)
#endif
#ifdef HAS_f128
#if __LDBL_MANT_DIG__ == 113
POWER(f128, __builtin_powil)
#else
/* No builtin has this type. */
f128 __powitf2(f128, int);
POWER(f128, __powitf2)
#endif
#endif

int main(void)
{
    test_f32();
    test_f64();
#ifdef HAS_f80
    test_f80();
#endif
#ifdef HAS_f128
    test_f128();
#endif
    return 0;
}
