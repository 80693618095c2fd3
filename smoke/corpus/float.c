/* The four operations and the comparisons of every float format: subnormals, rounding, infinities, NaN, division by
 * zero. */
#include "floats.h"

#define ARITHMETIC(type)                                                                                               \
    OPAQUE static type add_##type(type a, type b)                                                                      \
    {                                                                                                                  \
        return AS_##type(a + b);                                                                                       \
    }                                                                                                                  \
    OPAQUE static type subtract_##type(type a, type b)                                                                 \
    {                                                                                                                  \
        return AS_##type(a - b);                                                                                       \
    }                                                                                                                  \
    OPAQUE static type multiply_##type(type a, type b)                                                                 \
    {                                                                                                                  \
        return AS_##type(a * b);                                                                                       \
    }                                                                                                                  \
    OPAQUE static type divide_##type(type a, type b)                                                                   \
    {                                                                                                                  \
        return AS_##type(a / b);                                                                                       \
    }                                                                                                                  \
    OPAQUE static int less_##type(type a, type b)                                                                      \
    {                                                                                                                  \
        return a < b;                                                                                                  \
    }                                                                                                                  \
    OPAQUE static int compare_##type(type a, type b)                                                                   \
    {                                                                                                                  \
        return less_##type(a, b) | (a <= b) << 1 | (a == b) << 2 | (a != b) << 3 | (a >= b) << 4 | (a > b) << 5 |      \
               __builtin_isunordered(a, b) << 6;                                                                       \
    }                                                                                                                  \
    OPAQUE static type negate_##type(type a)                                                                           \
    {                                                                                                                  \
        return -a;                                                                                                     \
    }                                                                                                                  \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        for (unsigned i = 0; i < FLOATS; i++) {                                                                        \
            name_1("negate/" #type, i);                                                                                \
            put_##type(negate_##type(operand_##type(i)));                                                              \
            end();                                                                                                     \
            for (unsigned j = 0; j < FLOATS; j++) {                                                                    \
                type a = operand_##type(i), b = operand_##type(j);                                                     \
                /* Addition and multiplication are symmetric. */                                                       \
                if (i <= j) {                                                                                          \
                    name_2("add/" #type, i, j);                                                                        \
                    put_##type(add_##type(a, b));                                                                      \
                    end();                                                                                             \
                    name_2("multiply/" #type, i, j);                                                                   \
                    put_##type(multiply_##type(a, b));                                                                 \
                    end();                                                                                             \
                }                                                                                                      \
                name_2("subtract/" #type, i, j);                                                                       \
                put_##type(subtract_##type(a, b));                                                                     \
                end();                                                                                                 \
                name_2("divide/" #type, i, j);                                                                         \
                put_##type(divide_##type(a, b));                                                                       \
                end();                                                                                                 \
                name_2("compare/" #type, i, j);                                                                        \
                put_byte((unsigned char)compare_##type(a, b));                                                         \
                end();                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }
EACH_IEEE(ARITHMETIC)

/* Pairs of doubles, with results that they hold exactly. */
#ifdef HAS_ibm128
TABLE f64 pairs[][2] = {{1, 0}, {-3, 0}, {0x1p40, 0x1p-20}, {0.75, 0x1p-56}, {0x1.8p50, -0x1p-10}, {-0x1p-30, 0}};
#define PAIRS (sizeof pairs / sizeof *pairs)

OPAQUE static ibm128 add_ibm128(ibm128 a, ibm128 b)
{
    return a + b;
}

OPAQUE static ibm128 subtract_ibm128(ibm128 a, ibm128 b)
{
    return a - b;
}

OPAQUE static ibm128 multiply_ibm128(ibm128 a, ibm128 b)
{
    return a * b;
}

OPAQUE static ibm128 divide_ibm128(ibm128 a, ibm128 b)
{
    return a / b;
}

static void test_ibm128(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        for (unsigned j = 0; j < PAIRS; j++) {
            ibm128 a = (ibm128)pairs[i][0] + (ibm128)pairs[i][1], b = (ibm128)pairs[j][0];
            name_2("add/ibm128", i, j);
            put_ibm128(add_ibm128(a, b));
            end();
            name_2("subtract/ibm128", i, j);
            put_ibm128(subtract_ibm128(a, b));
            end();
            name_2("multiply/ibm128", i, j);
            put_ibm128(multiply_ibm128(a, b));
            end();
            /* A quotient by a power of two is exact. */
            if (j != 1 && j != 3 && j != 4) {
                name_2("divide/ibm128", i, j);
                put_ibm128(divide_ibm128(a, b));
                end();
            }
        }
    }
}
#endif

int main(void)
{
#define TEST(type) test_##type();
    EACH_FLOAT(TEST)
    return 0;
}
