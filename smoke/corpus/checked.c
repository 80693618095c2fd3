/* Checked arithmetic: the result, and whether it overflowed. */
#include "integers.h"

#define CHECKED(type, operation)                                                                                       \
    OPAQUE static void operation##_##type(unsigned i, unsigned j, type a, type b)                                      \
    {                                                                                                                  \
        type result;                                                                                                   \
        int overflow = __builtin_##operation##_overflow(a, b, &result);                                                \
        name_2(#operation "/" #type, i, j);                                                                            \
        put_##type(result);                                                                                            \
        put_byte((unsigned char)overflow);                                                                             \
        end();                                                                                                         \
    }
/* A signed and an unsigned operand, and a signed result. */
#define MIXED(type, utype)                                                                                             \
    OPAQUE static void mixed_##type(unsigned i, unsigned j, utype a, type b)                                           \
    {                                                                                                                  \
        type result;                                                                                                   \
        int overflow = __builtin_mul_overflow(a, b, &result);                                                          \
        name_2("mul/mixed/" #type, i, j);                                                                              \
        put_##type(result);                                                                                            \
        put_byte((unsigned char)overflow);                                                                             \
        end();                                                                                                         \
    }
#define TEST(type, utype, is_signed, bits)                                                                             \
    CHECKED(type, add)                                                                                                 \
    CHECKED(type, sub)                                                                                                 \
    CHECKED(type, mul)                                                                                                 \
    MIXED(type, utype)                                                                                                 \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, bits, v);                                                                           \
        for (unsigned i = 0; i < OPERANDS; i++) {                                                                      \
            for (unsigned j = 0; j <= i; j++) {                                                                        \
                add_##type(i, j, v[i], v[j]);                                                                          \
                sub_##type(i, j, v[i], v[j]);                                                                          \
                mul_##type(i, j, v[i], v[j]);                                                                          \
                if (is_signed)                                                                                         \
                    mixed_##type(i, j, (utype)v[i], v[j]);                                                             \
            }                                                                                                          \
        }                                                                                                              \
    }
EACH_INT(TEST)

int main(void)
{
#define RUN(type, ...) test_##type();
    EACH_INT(RUN)
    return 0;
}
