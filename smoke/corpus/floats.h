/* Operands of every float format, as bits: so nothing is computed to make them. */
#ifndef FLOATS_H
#define FLOATS_H

#include "corpus.h"

/* A float of `size` bytes whose most significant 64 bits are `high`. The other bits are those of `low`. */
UNUSED OPAQUE static void make_bits(void *value, size_t size, u64 high, u64 low)
{
    unsigned char bytes[16];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(high >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(low >> (56 - 8 * i));
    }
    for (size_t i = 0; i < size; i++) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        ((unsigned char *)value)[size - 1 - i] = bytes[i];
#else
        ((unsigned char *)value)[i] = bytes[i];
#endif
    }
}

#define FLOATS 13
struct float_bits {
    u64 high, low;
};

/* In each: 0, -0, 1, the next above 1, one third, about -100, the greatest, the least and the greatest subnormal, the
 * least normal, infinity, -infinity, a quiet NaN. */
#ifdef HAS_f16
TABLE struct float_bits bits_f16[FLOATS] = {
    {UINT64_C(0x0000) << 48, 0}, {UINT64_C(0x8000) << 48, 0}, {UINT64_C(0x3c00) << 48, 0}, {UINT64_C(0x3c01) << 48, 0},
    {UINT64_C(0x3555) << 48, 0}, {UINT64_C(0xd643) << 48, 0}, {UINT64_C(0x7bff) << 48, 0}, {UINT64_C(0x0001) << 48, 0},
    {UINT64_C(0x03ff) << 48, 0}, {UINT64_C(0x0400) << 48, 0}, {UINT64_C(0x7c00) << 48, 0}, {UINT64_C(0xfc00) << 48, 0},
    {UINT64_C(0x7e00) << 48, 0},
};
#endif
#ifdef HAS_bf16
TABLE struct float_bits bits_bf16[FLOATS] = {
    {UINT64_C(0x0000) << 48, 0}, {UINT64_C(0x8000) << 48, 0}, {UINT64_C(0x3f80) << 48, 0}, {UINT64_C(0x3f81) << 48, 0},
    {UINT64_C(0x3eab) << 48, 0}, {UINT64_C(0xc2c9) << 48, 0}, {UINT64_C(0x7f7f) << 48, 0}, {UINT64_C(0x0001) << 48, 0},
    {UINT64_C(0x007f) << 48, 0}, {UINT64_C(0x0080) << 48, 0}, {UINT64_C(0x7f80) << 48, 0}, {UINT64_C(0xff80) << 48, 0},
    {UINT64_C(0x7fc0) << 48, 0},
};
#endif
TABLE struct float_bits bits_f32[FLOATS] = {
    {UINT64_C(0x00000000) << 32, 0}, {UINT64_C(0x80000000) << 32, 0}, {UINT64_C(0x3f800000) << 32, 0},
    {UINT64_C(0x3f800001) << 32, 0}, {UINT64_C(0x3eaaaaab) << 32, 0}, {UINT64_C(0xc2c92492) << 32, 0},
    {UINT64_C(0x7f7fffff) << 32, 0}, {UINT64_C(0x00000001) << 32, 0}, {UINT64_C(0x007fffff) << 32, 0},
    {UINT64_C(0x00800000) << 32, 0}, {UINT64_C(0x7f800000) << 32, 0}, {UINT64_C(0xff800000) << 32, 0},
    {UINT64_C(0x7fc00000) << 32, 0},
};
TABLE struct float_bits bits_f64[FLOATS] = {
    {UINT64_C(0x0000000000000000), 0}, {UINT64_C(0x8000000000000000), 0}, {UINT64_C(0x3ff0000000000000), 0},
    {UINT64_C(0x3ff0000000000001), 0}, {UINT64_C(0x3fd5555555555555), 0}, {UINT64_C(0xc059249249249249), 0},
    {UINT64_C(0x7fefffffffffffff), 0}, {UINT64_C(0x0000000000000001), 0}, {UINT64_C(0x000fffffffffffff), 0},
    {UINT64_C(0x0010000000000000), 0}, {UINT64_C(0x7ff0000000000000), 0}, {UINT64_C(0xfff0000000000000), 0},
    {UINT64_C(0x7ff8000000000000), 0},
};
#ifdef HAS_f80
TABLE struct float_bits bits_f80[FLOATS] = {
    {UINT64_C(0x0000000000000000), 0},
    {UINT64_C(0x8000000000000000), 0},
    {UINT64_C(0x3fff800000000000), 0},
    {UINT64_C(0x3fff800000000000), UINT64_C(0x0001) << 48},
    {UINT64_C(0x3ffdaaaaaaaaaaaa), UINT64_C(0xaaab) << 48},
    {UINT64_C(0xc005c92492492492), UINT64_C(0x4924) << 48},
    {UINT64_C(0x7ffeffffffffffff), UINT64_C(0xffff) << 48},
    {UINT64_C(0x0000000000000000), UINT64_C(0x0001) << 48},
    {UINT64_C(0x00007fffffffffff), UINT64_C(0xffff) << 48},
    {UINT64_C(0x0001800000000000), 0},
    {UINT64_C(0x7fff800000000000), 0},
    {UINT64_C(0xffff800000000000), 0},
    {UINT64_C(0x7fffc00000000000), 0},
};
#endif
#ifdef HAS_f128
TABLE struct float_bits bits_f128[FLOATS] = {
    {UINT64_C(0x0000000000000000), 0},
    {UINT64_C(0x8000000000000000), 0},
    {UINT64_C(0x3fff000000000000), 0},
    {UINT64_C(0x3fff000000000000), 1},
    {UINT64_C(0x3ffd555555555555), UINT64_C(0x5555555555555555)},
    {UINT64_C(0xc005924924924924), UINT64_C(0x9249249249249249)},
    {UINT64_C(0x7ffeffffffffffff), UINT64_C(0xffffffffffffffff)},
    {UINT64_C(0x0000000000000000), 1},
    {UINT64_C(0x0000ffffffffffff), UINT64_C(0xffffffffffffffff)},
    {UINT64_C(0x0001000000000000), 0},
    {UINT64_C(0x7fff000000000000), 0},
    {UINT64_C(0xffff000000000000), 0},
    {UINT64_C(0x7fff800000000000), 0},
};
#endif

/* operand_type(i) */
#define OPERAND(type, size)                                                                                            \
    UNUSED OPAQUE static type operand_##type(unsigned i)                                                               \
    {                                                                                                                  \
        type value;                                                                                                    \
        memset(&value, 0, sizeof value);                                                                               \
        make_bits(&value, size, bits_##type[i].high, bits_##type[i].low);                                              \
        return value;                                                                                                  \
    }
#ifdef HAS_f16
OPERAND(f16, 2)
#endif
#ifdef HAS_bf16
/* The control's type is a float, whose first 16 bits are the same. */
OPERAND(bf16, sizeof(bf16))
#endif
OPERAND(f32, 4)
OPERAND(f64, 8)
#ifdef HAS_f80
OPERAND(f80, 10)
#endif
#ifdef HAS_f128
OPERAND(f128, 16)
#endif

#endif
