/* Multiplication, division, remainder, comparison and shifts of every width. */
#include "integers.h"

struct width {
    const char *name;
    unsigned bits;
    int is_signed;
    /* Makes an operand. */
    void (*make)(any *value, unsigned i);
    void (*put)(const any *value);
    void (*binary[3])(any *result, const any *a, const any *b);
    void (*shift[2])(any *result, const any *value, unsigned by);
    int (*compare)(const any *a, const any *b);
};

#define BINARY(name, type, expression)                                                                                 \
    OPAQUE static void name##_##type(any *result, const any *left, const any *right)                                   \
    {                                                                                                                  \
        type a = *(const type *)left, b = *(const type *)right;                                                        \
        *(type *)result = (type)(expression);                                                                          \
    }
#define SHIFT(name, type, expression)                                                                                  \
    OPAQUE static void name##_##type(any *result, const any *value, unsigned by)                                       \
    {                                                                                                                  \
        type a = *(const type *)value;                                                                                 \
        *(type *)result = (type)(expression);                                                                          \
    }
/* An overflow of a signed product is undefined; that of the unsigned one is not. */
#define ARITHMETIC(type, utype, is_signed, bits)                                                                       \
    BINARY(multiply, type, (utype)((utype)a * (bits < 32 ? 1u : (utype)1) * (utype)b))                                 \
    BINARY(divide, type, a / b)                                                                                        \
    BINARY(remainder, type, a % b)                                                                                     \
    SHIFT(left, type, (utype)a << by)                                                                                  \
    SHIFT(right, type, a >> by)                                                                                        \
    OPAQUE static int compare_##type(const any *left, const any *right)                                                \
    {                                                                                                                  \
        type a = *(const type *)left, b = *(const type *)right;                                                        \
        return (a < b) | (a <= b) << 1 | (a == b) << 2 | (a >= b) << 3 | (a > b) << 4;                                 \
    }                                                                                                                  \
    OPAQUE static void make_##type(any *value, unsigned i)                                                             \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, bits, v);                                                                           \
        *(type *)value = v[i];                                                                                         \
    }                                                                                                                  \
    OPAQUE static void put_any_##type(const any *value)                                                                \
    {                                                                                                                  \
        put_##type(*(const type *)value);                                                                              \
    }
EACH_INT(ARITHMETIC)

#define WIDTH(type, utype, is_signed, bits)                                                                            \
    {                                                                                                                  \
        #type, bits, is_signed, make_##type, put_any_##type,                                                           \
        {multiply_##type, divide_##type, remainder_##type}, {left_##type, right_##type}, compare_##type,               \
    },
static const struct width widths[] = {EACH_INT(WIDTH)};

static void begin(const char *operation, const struct width *width, unsigned i, unsigned j)
{
    put_text(operation);
    name_2(width->name, i, j);
}

static void test(const struct width *width)
{
    static const char *const binary[] = {"multiply/", "divide/", "remainder/"};
    static const char *const shift[] = {"left/", "right/"};
    any a, b, result;
    for (unsigned i = 0; i < OPERANDS; i++) {
        width->make(&a, i);
        for (unsigned j = 0; j < OPERANDS; j++) {
            width->make(&b, j);
            for (unsigned which = 0; which < 3; which++) {
                /* A product is symmetric. The quotient of the least number and -1 does not fit. */
                if (which == 0 ? j > i : width->is_signed && i == 2 && j == 1)
                    continue;
                width->binary[which](&result, &a, &b);
                begin(binary[which], width, i, j);
                width->put(&result);
                end();
            }
            if (j <= i) {
                begin("compare/", width, i, j);
                put_byte((unsigned char)width->compare(&a, &b));
                end();
            }
        }
    }
    const unsigned char distances[] = {
        0, 1, width->bits / 4 + 1, width->bits / 2 - 1, width->bits / 2, width->bits - 1,
    };
    for (unsigned i = 2; i < 6; i++) {
        width->make(&a, i);
        for (unsigned j = 0; j < sizeof distances; j++) {
            for (unsigned which = 0; which < 2; which++) {
                width->shift[which](&result, &a, distances[j]);
                begin(shift[which], width, i, j);
                width->put(&result);
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
