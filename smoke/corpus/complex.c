/* Multiplication and division of complex numbers. The finite operands have exact results, whatever algorithm computes
 * them. Those with infinities, NaN and zero: as annex G of the C standard says, which leaves the signs of zeros open, and
 * of an infinite number all but that it is infinite. */
#include "floats.h"

/* What a part of an operand is. */
enum { INFINITE = 100, NOTHING = 101 };
TABLE signed char parts[][2] = {
    {3, 4}, {1, -1}, {-2, 0}, {0, 2}, {2, 2}, {-7, 1}, {0, 0}, {INFINITE, NOTHING}, {INFINITE, INFINITE}, {-1, INFINITE},
};
#define PARTS (sizeof parts / sizeof *parts)
/* The finite operands by which every quotient is exact. */
TABLE unsigned char divisors[PARTS] = {0, 1, 1, 1, 1, 0, 1, 1, 1, 1};


#define COMPLEX(type, ...)                                                                                             \
    typedef _Complex __VA_ARGS__ complex_##type;                                                                       \
    OPAQUE static complex_##type multiply_##type(complex_##type a, complex_##type b)                                   \
    {                                                                                                                  \
        return a * b;                                                                                                  \
    }                                                                                                                  \
    OPAQUE static complex_##type divide_##type(complex_##type a, complex_##type b)                                     \
    {                                                                                                                  \
        return a / b;                                                                                                  \
    }                                                                                                                  \
    OPAQUE static type part_##type(unsigned i, unsigned which)                                                         \
    {                                                                                                                  \
        signed char part = parts[i][which];                                                                            \
        return part == INFINITE ? operand_##type(10) : part == NOTHING ? operand_##type(12) : (type)part;              \
    }                                                                                                                  \
    OPAQUE static complex_##type complex_operand_##type(unsigned i)                                                    \
    {                                                                                                                  \
        complex_##type value;                                                                                          \
        __real__ value = part_##type(i, 0);                                                                            \
        __imag__ value = part_##type(i, 1);                                                                            \
        return value;                                                                                                  \
    }                                                                                                                  \
    OPAQUE static void put_complex_##type(complex_##type value)                                                        \
    {                                                                                                                  \
        type real = __real__ value, imaginary = __imag__ value;                                                        \
        if (__builtin_isinf(real) || __builtin_isinf(imaginary)) {                                                     \
            put_text("infinite");                                                                                      \
        } else if (real != real || imaginary != imaginary) {                                                           \
            put_text("nan");                                                                                           \
        } else {                                                                                                       \
            /* Without the sign of zeros. */                                                                           \
            put_##type(real + (type)0);                                                                                \
            put_##type(imaginary + (type)0);                                                                           \
        }                                                                                                              \
        end();                                                                                                         \
    }                                                                                                                  \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        for (unsigned i = 0; i < PARTS; i++) {                                                                         \
            for (unsigned j = 0; j < PARTS; j++) {                                                                     \
                complex_##type a = complex_operand_##type(i), b = complex_operand_##type(j);                           \
                name_2("complex/multiply/" #type, i, j);                                                               \
                put_complex_##type(multiply_##type(a, b));                                                             \
                if (divisors[j]) {                                                                                     \
                    name_2("complex/divide/" #type, i, j);                                                             \
                    put_complex_##type(divide_##type(a, b));                                                           \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        /* Near the ends of the range, where the squares of the parts leave it. Powers of two, whose products are exact. */\
        type great = (type)1;                                                                                          \
        while (great < operand_##type(6) / (type)16)                                                                   \
            great = great + great;                                                                                     \
        complex_##type a;                                                                                              \
        __real__ a = great;                                                                                            \
        __imag__ a = great;                                                                                            \
        name_0("complex/divide/" #type "/great");                                                                      \
        put_complex_##type(divide_##type(a, a));                                                                       \
        __real__ a = operand_##type(9);                                                                                \
        __imag__ a = operand_##type(9);                                                                                \
        name_0("complex/divide/" #type "/least");                                                                      \
        put_complex_##type(divide_##type(a, a));                                                                       \
    }
/* clang has no complex bf16. */
#ifdef HAS_f16
#define COMPLEX_f16(X) X(f16, _Float16)
#else
#define COMPLEX_f16(X)
#endif
#ifdef HAS_f80
#define COMPLEX_f80(X) X(f80, long double)
#else
#define COMPLEX_f80(X)
#endif
#if !defined(HAS_f128)
#define COMPLEX_f128(X)
#elif __LDBL_MANT_DIG__ == 113
#define COMPLEX_f128(X) X(f128, long double)
#elif defined(CONTROL)
/* gcc's other name of the type. */
#define COMPLEX_f128(X) X(f128, _Float128)
#else
#define COMPLEX_f128(X) X(f128, __float128)
#endif
#define EACH_COMPLEX(X) COMPLEX_f16(X) X(f32, float) X(f64, double) COMPLEX_f80(X) COMPLEX_f128(X)
EACH_COMPLEX(COMPLEX)

int main(void)
{
#define TEST(type, ...) test_##type();
    EACH_COMPLEX(TEST)
    return 0;
}
