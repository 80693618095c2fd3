/* The types that the control's gcc lacks, by other means than the target's.
 *
 * bf16 is held in a float, and rounded by integer arithmetic on the bits of binary128, in which every operand is exact.
 * One operation of bf16 computed with at least 18 bits and rounded again is correctly rounded, because 2 * 8 + 2 = 18.
 * ibm128, a pair of doubles, is held in binary128. Only exact results are computed, so the pair is the number's nearest
 * double, and the rest. */
#ifndef CONTROL_H
#define CONTROL_H

#ifdef HAS_bf16
typedef float bf16;

UNUSED static bf16 round_bf16(__float128 value)
{
    u128 bits;
    memcpy(&bits, &value, sizeof bits);
    u32 sign = (u32)(bits >> 127) << 31;
    int exponent = (int)(bits >> 112 & 0x7fff) - 16383;
    u128 fraction = bits << 16 >> 16;
    u32 result;
    if (exponent == 16384) {
        result = fraction ? 0x7fc00000 : 0x7f800000;
    } else if (bits << 1 == 0) {
        result = 0;
    } else {
        u128 mantissa = fraction | (u128)1 << 112;
        /* Seven bits of fraction; fewer below the smallest normal number. */
        int drop = 112 - 7 + (exponent < -126 ? -126 - exponent : 0);
        if (drop > 120)
            drop = 120;
        u128 kept = mantissa >> drop, rest = mantissa - (kept << drop), half = (u128)1 << (drop - 1);
        if (rest > half || (rest == half && (kept & 1)))
            kept++;
        /* A carry goes into the exponent. */
        u32 base = exponent < -126 ? 0 : (u32)(exponent + 126) << 7;
        u32 top = base + (u32)kept;
        result = top >= 0x7f80 ? 0x7f800000 : top << 16;
    }
    result |= sign;
    float rounded;
    memcpy(&rounded, &result, sizeof rounded);
    return rounded;
}
#define AS_bf16(x) round_bf16(x)

UNUSED static void put_float(const void *, size_t, unsigned);
UNUSED static void put_bf16(bf16 value)
{
    u32 bits;
    memcpy(&bits, &value, sizeof bits);
    u16 top = (u16)(bits >> 16);
    put_float(&top, 2, 8);
}
#endif

#ifdef HAS_ibm128
typedef __float128 ibm128;
#define AS_ibm128(x) ((ibm128)(x))

UNUSED static void put_f64(f64);
UNUSED static void put_ibm128(ibm128 value)
{
    f64 high = (f64)value;
    put_f64(high);
    if (value == value)
        put_f64(high - high == 0 ? (f64)(value - high) : 0);
}
#endif

#endif
