/* Conversions between all integers and floats. Only results that the C standard or IEEE 754 defines: an integer that a
 * float's range does not reach, and a float that an integer's range does not reach, are left out. */
#include "floats.h"
#include "integers.h"

/* Converts the value at `from` to one at `to`. */
typedef void conversion(void *to, const void *from);
struct integer {
    const char *name;
    unsigned bits;
    /* Makes value `i`; none if the type does not hold it. */
    int (*make)(any *value, unsigned i);
    /* The number of bits of the magnitude. */
    unsigned (*length)(const any *value);
    /* Clears bits from the lowest on. */
    void (*clear)(any *value, unsigned count);
    void (*put)(const any *value);
    int is_signed;
};

struct floating {
    const char *name;
    unsigned precision;
    /* The exponent of the greatest power of two. */
    unsigned greatest;
    void (*operand)(any *value, unsigned i);
    void (*negate)(any *value);
    /* Makes a value near the half between two with this precision. */
    void (*tie)(any *value, unsigned i, unsigned precision);
    void (*put)(const any *value);
};

/* Besides the operands of every test: ties and their neighbours at each precision. */
#define VALUES (OPERANDS + 3 * 6)
TABLE unsigned char precisions[6] = {8, 11, 24, 53, 64, 113};

#define INTEGER(type, utype, is_signed, bits)                                                                          \
    OPAQUE static int make_##type(any *value, unsigned i)                                                                     \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, bits, v);                                                                           \
        if (i < OPERANDS) {                                                                                            \
            *(type *)value = v[i];                                                                                     \
            return 1;                                                                                                  \
        }                                                                                                              \
        unsigned precision = precisions[(i - OPERANDS) / 3], which = (i - OPERANDS) % 3;                               \
        if (precision + 2 >= bits)                                                                                     \
            return 0;                                                                                                  \
        /* 2^p + 1 is halfway and goes down, 2^p + 3 goes up, 2^(p+1) + 3 is above the half. */                        \
        utype power = (utype)((utype)1 << (precision + (which == 2)));                                                 \
        *(type *)value = (type)(utype)(power + (which == 0 ? 1 : 3));                                                  \
        return 1;                                                                                                      \
    }                                                                                                                  \
    OPAQUE static unsigned length_##type(const any *value)                                                                    \
    {                                                                                                                  \
        type own = *(const type *)value;                                                                               \
        unsigned length = 0;                                                                                           \
        for (utype rest = own < 0 ? (utype)(0 - (utype)own) : (utype)own; rest; rest = (utype)(rest >> 1))             \
            length++;                                                                                                  \
        return length;                                                                                                 \
    }                                                                                                                  \
    OPAQUE static void clear_##type(any *value, unsigned count)                                                               \
    {                                                                                                                  \
        *(type *)value = (type)(utype)((utype)(*(utype *)value >> count) << count);                                    \
    }                                                                                                                  \
    OPAQUE static void put_any_##type(const any *value)                                                                       \
    {                                                                                                                  \
        put_##type(*(const type *)value);                                                                              \
    }                                                                                                                  \
    static const struct integer type##_ = {                                                                            \
        #type, bits, make_##type, length_##type, clear_##type, put_any_##type, is_signed,                              \
    };
EACH_INT(INTEGER)

#define FLOAT(type, precision, greatest)                                                                               \
    OPAQUE static void any_operand_##type(any *value, unsigned i)                                                             \
    {                                                                                                                  \
        *(type *)value = operand_##type(i);                                                                            \
    }                                                                                                                  \
    OPAQUE static void negate_##type(any *value)                                                                              \
    {                                                                                                                  \
        *(type *)value = -*(type *)value;                                                                              \
    }                                                                                                                  \
    OPAQUE static void tie_##type(any *value, unsigned i, unsigned bits)                                                      \
    {                                                                                                                  \
        type one = operand_##type(2), last = operand_##type(3) - one, half = one;                                      \
        while (bits-- > 0)                                                                                             \
            half = half / (one + one);                                                                                 \
        /* Half of the last bit, and that again above an odd one; each a little more, and a little less. */            \
        type base = i < 3 ? one + half : one + half + half + half;                                                     \
        *(type *)value = i % 3 == 0 ? base : i % 3 == 1 ? base + last : base - last;                                   \
    }                                                                                                                  \
    OPAQUE static void put_any_##type(const any *value)                                                                       \
    {                                                                                                                  \
        put_##type(*(const type *)value);                                                                              \
    }                                                                                                                  \
    static const struct floating type##_ = {                                                                           \
        #type, precision, greatest, any_operand_##type, negate_##type, tie_##type, put_any_##type,                     \
    };
#ifdef HAS_f16
FLOAT(f16, 11, 15)
#endif
#ifdef HAS_bf16
FLOAT(bf16, 8, 127)
#endif
FLOAT(f32, 24, 127)
FLOAT(f64, 53, 1023)
#ifdef HAS_f80
FLOAT(f80, 64, 16383)
#endif
#ifdef HAS_f128
FLOAT(f128, 113, 16383)
#endif

static void begin(const char *from, const char *to, const char *kind, unsigned i)
{
    put_text("convert/");
    put_text(from);
    put('/');
    put_text(to);
    put_text(kind);
    put('/');
    put_number(i);
    put(' ');
}

/* An integer to a float, if the float reaches it; and without the bits that the float does not hold, back. */
OPAQUE static void both_ways(const struct integer *integer, const struct floating *floating, conversion *to_float,
                             conversion *to_integer)
{
    any value, converted, back;
    for (unsigned i = 0; i < VALUES; i++) {
        if (!integer->make(&value, i) || integer->length(&value) > floating->greatest)
            continue;
        to_float(&converted, &value);
        begin(integer->name, floating->name, "", i);
        floating->put(&converted);
        end();

        unsigned length = integer->length(&value);
        if (length > floating->precision)
            integer->clear(&value, length - floating->precision);
        to_float(&converted, &value);
        to_integer(&back, &converted);
        begin(floating->name, integer->name, "", i);
        integer->put(&back);
        end();
    }
    /* Fractions are cut off: -0, 1, the next above, a third, -1/3, and about -100 where there is a sign. */
    for (unsigned i = 1; i < 7 - !integer->is_signed; i++) {
        static const unsigned char operands[] = {0, 1, 2, 3, 4, 4, 5};
        floating->operand(&converted, operands[i]);
        if (i == 5)
            floating->negate(&converted);
        to_integer(&back, &converted);
        begin(floating->name, integer->name, "/fraction", i);
        integer->put(&back);
        end();
    }
}

/* A float to another: exact, or rounded once, to infinity as well. */
OPAQUE static void one_way(const struct floating *from, const struct floating *to, conversion *convert)
{
    any value, converted;
    for (unsigned i = 0; i < FLOATS; i++) {
        from->operand(&value, i);
        convert(&converted, &value);
        begin(from->name, to->name, "", i);
        to->put(&converted);
        end();
    }
    for (unsigned i = 0; i < 6 && from->precision > to->precision + 1; i++) {
        from->tie(&value, i, to->precision);
        convert(&converted, &value);
        begin(from->name, to->name, "/tie", i);
        to->put(&converted);
        end();
    }
}

#define TO_FLOAT(from, to)                                                                                             \
    OPAQUE static void to##_of_##from(void *value, const void *operand)                                                \
    {                                                                                                                  \
        *(to *)value = AS_##to(*(const from *)operand);                                                                \
    }
#define TO_INTEGER(from, to)                                                                                           \
    OPAQUE static void to##_of_##from(void *value, const void *operand)                                                \
    {                                                                                                                  \
        *(to *)value = (to)(*(const from *)operand);                                                                   \
    }
/* Pairs with each type. Those that not every clang can compile are features of their own. */
#ifdef HAS_f16
#define PAIR_f16(X, type) X(type, f16)
#else
#define PAIR_f16(X, type)
#endif
#ifdef HAS_f80
#define PAIR_f80(X, type) X(type, f80)
#else
#define PAIR_f80(X, type)
#endif
#ifdef HAS_f128
#define PAIR_f128(X, type) F128_##type(X, type)
#define F128(X, type) X(type, f128)
#else
#define PAIR_f128(X, type)
#endif
#ifdef HAS_bf16
#define PAIR_bf16(X, type) BF16_##type(X, type)
#define BF16(X, type) X(type, bf16)
#else
#define PAIR_bf16(X, type)
#endif
#define EACH_PAIR(X, type)                                                                                             \
    PAIR_f16(X, type) PAIR_bf16(X, type) X(type, f32) X(type, f64) PAIR_f80(X, type) PAIR_f128(X, type)
#define BF16_i8 BF16
#define BF16_u8 BF16
#define BF16_i16 BF16
#define BF16_u16 BF16
#define BF16_i32 BF16
#define BF16_u32 BF16
#ifdef HAS_bf16_i64
#define BF16_i64 BF16
#else
#define BF16_i64(X, type)
#endif
#define BF16_u64 BF16
#ifdef HAS_bf16_i128
#define BF16_i128 BF16
#else
#define BF16_i128(X, type)
#endif
#ifdef HAS_bf16_u128
#define BF16_u128 BF16
#else
#define BF16_u128(X, type)
#endif
#define BF16_f16 BF16
#define BF16_bf16 BF16
#define BF16_f32 BF16
#define BF16_f64 BF16
#define BF16_f80 BF16
#ifdef HAS_bf16_f128
#define BF16_f128 BF16
#else
#define BF16_f128(X, type)
#endif
#define F128_i8 F128
#define F128_u8 F128
#define F128_i16 F128
#define F128_u16 F128
#define F128_i32 F128
#define F128_u32 F128
#define F128_i64 F128
#define F128_u64 F128
#define F128_i128 F128
#define F128_u128 F128
#define F128_f16 F128
#ifdef HAS_bf16_f128
#define F128_bf16 F128
#else
#define F128_bf16(X, type)
#endif
#define F128_f32 F128
#define F128_f64 F128
#define F128_f80 F128
#define F128_f128 F128

#define INTEGER_PAIR(integer, floating) TO_FLOAT(integer, floating) TO_INTEGER(floating, integer)
#define INTEGER_PAIRS(type, ...) EACH_PAIR(INTEGER_PAIR, type)
EACH_INT(INTEGER_PAIRS)
#define FLOAT_PAIRS(type) EACH_PAIR(TO_FLOAT, type)
EACH_IEEE(FLOAT_PAIRS)

int main(void)
{
#define TEST_INTEGER(integer, floating)                                                                                \
    both_ways(&integer##_, &floating##_, floating##_of_##integer, integer##_of_##floating);
#define TEST_INTEGERS(type, ...) EACH_PAIR(TEST_INTEGER, type)
    EACH_INT(TEST_INTEGERS)
#define TEST_FLOAT(from, to) one_way(&from##_, &to##_, to##_of_##from);
#define TEST_FLOATS(type) EACH_PAIR(TEST_FLOAT, type)
    EACH_IEEE(TEST_FLOATS)
    return 0;
}
