/* Operands for every width. */
#ifndef INTEGERS_H
#define INTEGERS_H

#include "corpus.h"

/* Fills `v` with OPERANDS operands of a width. The last three are small enough to be divisors with long quotients. */
#define OPERANDS 10
#define FILL_OPERANDS(type, utype, bits, v)                                                                            \
    volatile utype one_ = 1;                                                                                           \
    volatile type v[OPERANDS] = {                                                                                      \
        (type)one_,                                                                                                    \
        (type)((utype)~(utype)0),                                                                                      \
        (type)(utype)(one_ << (bits - 1)),                                                                             \
        (type)(utype)((utype)(one_ << (bits - 1)) - 1),                                                                \
        (type)(utype)(one_ << (bits / 2)),                                                                             \
        (type)MAKE(utype, bits, UINT64_C(0xb7e151628aed2a6a), UINT64_C(0xbf7158809cf4f3c7)),                           \
        (type)MAKE(utype, bits, UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344)),                           \
        (type)(utype)((utype)(one_ << (bits / 2)) - 1),                                                                \
        (type)(utype)(MAKE(utype, bits, UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xf39cc0605cedc834)) >> (bits / 4 * 3 - 1)),\
        (type)10,                                                                                                      \
    }

/* Holds a value of any type of at most 16 bytes. Tests are loops over tables of functions of such values, because
 * loops for each type take clang long. */
typedef union {
    unsigned char bytes[16];
    f64 f64;
#ifdef HAS_u128
    u128 u128;
#endif
#ifdef HAS_f128
    f128 f128;
#endif
} any;

#endif
