/* Multiplication, division, remainder, comparison and shifts of every width. */
#include "integers.h"

/* An overflow of a signed product is undefined; that of the unsigned one is not. */
#define ARITHMETIC(type, utype, is_signed, bits)                                                                       \
    OPAQUE static type multiply_##type(type a, type b)                                                                 \
    {                                                                                                                  \
        return (type)(utype)((utype)a * (bits < 32 ? 1u : (utype)1) * (utype)b);                                       \
    }                                                                                                                  \
    OPAQUE static type divide_##type(type a, type b)                                                                   \
    {                                                                                                                  \
        return (type)(a / b);                                                                                          \
    }                                                                                                                  \
    OPAQUE static type remainder_##type(type a, type b)                                                                \
    {                                                                                                                  \
        return (type)(a % b);                                                                                          \
    }                                                                                                                  \
    OPAQUE static type left_##type(type a, unsigned by)                                                                \
    {                                                                                                                  \
        return (type)(utype)((utype)a << by);                                                                          \
    }                                                                                                                  \
    OPAQUE static type right_##type(type a, unsigned by)                                                               \
    {                                                                                                                  \
        return (type)(a >> by);                                                                                        \
    }                                                                                                                  \
    OPAQUE static int compare_##type(type a, type b)                                                                   \
    {                                                                                                                  \
        return (a < b) | (a <= b) << 1 | (a == b) << 2 | (a >= b) << 3 | (a > b) << 4;                                 \
    }                                                                                                                  \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, bits, v);                                                                           \
        TABLE unsigned char distances[] = {0, 1, bits / 4 + 1, bits / 2 - 1, bits / 2, bits - 1};                      \
        for (unsigned i = 0; i < OPERANDS; i++) {                                                                      \
            for (unsigned j = 0; j < OPERANDS; j++) {                                                                  \
                if (j <= i) {                                                                                          \
                    name_2("multiply/" #type, i, j);                                                                   \
                    put_##type(multiply_##type(v[i], v[j]));                                                           \
                    end();                                                                                             \
                    name_2("compare/" #type, i, j);                                                                    \
                    put_byte((unsigned char)compare_##type(v[i], v[j]));                                               \
                    end();                                                                                             \
                }                                                                                                      \
                /* The quotient of the least number and -1 does not fit. */                                            \
                if (is_signed && i == 2 && j == 1)                                                                     \
                    continue;                                                                                          \
                name_2("divide/" #type, i, j);                                                                         \
                put_##type(divide_##type(v[i], v[j]));                                                                 \
                end();                                                                                                 \
                name_2("remainder/" #type, i, j);                                                                      \
                put_##type(remainder_##type(v[i], v[j]));                                                              \
                end();                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
        for (unsigned i = 0; i < 4; i++) {                                                                             \
            for (unsigned j = 0; j < sizeof distances; j++) {                                                          \
                type value = v[i + 2];                                                                                 \
                name_2("left/" #type, i, distances[j]);                                                                \
                put_##type(left_##type(value, distances[j]));                                                          \
                end();                                                                                                 \
                name_2("right/" #type, i, distances[j]);                                                               \
                put_##type(right_##type(value, distances[j]));                                                         \
                end();                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }
EACH_INT(ARITHMETIC)

int main(void)
{
#define TEST(type, ...) test_##type();
    EACH_INT(TEST)
    return 0;
}
