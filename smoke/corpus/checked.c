/* Checked arithmetic: the result, and whether it overflowed. */
#include "integers.h"

struct width {
    const char *name;
    int is_signed;
    /* Makes an operand. */
    void (*make)(any *value, unsigned i);
    void (*put)(const any *value);
    /* The last has an unsigned left operand. */
    int (*operation[4])(any *result, const any *a, const any *b);
};

#define CHECKED(name, operation, left_type, type)                                                                      \
    OPAQUE static int name##_##type(any *result, const any *left, const any *right)                                    \
    {                                                                                                                  \
        left_type a = *(const left_type *)left;                                                                        \
        type b = *(const type *)right;                                                                                 \
        return __builtin_##operation##_overflow(a, b, (type *)result);                                                 \
    }
#define OPERATIONS(type, utype, is_signed, bits)                                                                       \
    CHECKED(add, add, type, type)                                                                                      \
    CHECKED(subtract, sub, type, type)                                                                                 \
    CHECKED(multiply, mul, type, type)                                                                                 \
    CHECKED(mixed, mul, utype, type)                                                                                   \
    OPAQUE static void make_##type(any *value, unsigned i)                                                             \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, bits, v);                                                                           \
        *(type *)value = v[i];                                                                                         \
    }                                                                                                                  \
    OPAQUE static void put_any_##type(const any *value)                                                                \
    {                                                                                                                  \
        put_##type(*(const type *)value);                                                                              \
    }
EACH_INT(OPERATIONS)

#define WIDTH(type, utype, is_signed, bits)                                                                            \
    {                                                                                                                  \
        #type, is_signed, make_##type, put_any_##type,                                                                 \
        {add_##type, subtract_##type, multiply_##type, mixed_##type},                                                  \
    },
static const struct width widths[] = {EACH_INT(WIDTH)};

static void test(const struct width *width)
{
    static const char *const operations[] = {"checked/add/", "checked/subtract/", "checked/multiply/", "checked/mixed/"};
    any a, b, result;
    for (unsigned i = 0; i < OPERANDS; i++) {
        width->make(&a, i);
        for (unsigned j = 0; j <= i; j++) {
            width->make(&b, j);
            for (unsigned which = 0; which < 3u + (width->is_signed != 0); which++) {
                int overflow = width->operation[which](&result, &a, &b);
                put_text(operations[which]);
                name_2(width->name, i, j);
                width->put(&result);
                put_byte((unsigned char)overflow);
                end();
            }
        }
    }
}

int main(void)
{
    for (unsigned i = 0; i < sizeof widths / sizeof *widths; i++)
        test(&widths[i]);
    return 0;
}
