/* What all programs of the corpus share: types named by their width, and lines `NAME VALUE`.
 *
 * A value is the bytes of a result in hexadecimal, most significant first, so neither the byte order nor the width of
 * `long` shows. Every NaN is `nan`: its sign and payload differ between processors. The names' words that are also
 * names of files in features/ say which lines a target has. HAS_NAME is defined for each feature that the target has.
 *
 * The control (see .ci/corpus-control) compiles the same files with the host's gcc and CONTROL defined. There, all
 * features exist. A type that gcc lacks is held in a wider one, and control.h rounds each result. */
#ifndef CORPUS_H
#define CORPUS_H

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define OPAQUE __attribute__((noinline))
/* No value of such a table is known to the compiler. */
#define TABLE static const volatile

typedef int8_t i8;
typedef uint8_t u8;
typedef int16_t i16;
typedef uint16_t u16;
typedef int32_t i32;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;
#ifdef HAS_i128
typedef __int128 i128;
#endif
#ifdef HAS_u128
typedef unsigned __int128 u128;
#endif

typedef float f32;
typedef double f64;
#ifdef HAS_f16
typedef _Float16 f16;
#endif
#ifdef HAS_f80
typedef long double f80;
#endif
#ifdef HAS_f128
#if __LDBL_MANT_DIG__ == 113
typedef long double f128;
#else
typedef __float128 f128;
#endif
#endif
#if defined(HAS_bf16) && !defined(CONTROL)
typedef __bf16 bf16;
#endif
#if defined(HAS_ibm128) && !defined(CONTROL)
typedef __ibm128 ibm128;
#endif

/* The name of `long double` in lines. */
#if __LDBL_MANT_DIG__ == 53
#define LONG_DOUBLE "f64"
#elif __LDBL_MANT_DIG__ == 64
#define LONG_DOUBLE "f80"
#elif __LDBL_MANT_DIG__ == 113
#define LONG_DOUBLE "f128"
#endif

/* X(type, unsigned type of the same width, signed?, bits) */
#ifdef HAS_i128
#define INT128(X) X(i128, u128, 1, 128) X(u128, u128, 0, 128)
#else
#define INT128(X)
#endif
#define EACH_INT(X)                                                                                                    \
    X(i8, u8, 1, 8) X(u8, u8, 0, 8) X(i16, u16, 1, 16) X(u16, u16, 0, 16) X(i32, u32, 1, 32) X(u32, u32, 0, 32)        \
    X(i64, u64, 1, 64) X(u64, u64, 0, 64) INT128(X)

/* MAKE(bits, high, low): an unsigned integer of these 64-bit halves, of which narrower ones take the high bits. */
#define MAKE(type, bits, high, low) ((type)((bits) > 64 ? WIDE(type, high, low) : (type)((high) >> (64 - HIGH_BITS(bits)))))
#define HIGH_BITS(bits) ((bits) > 64 ? 64 : (bits))
#define WIDE(type, high, low) ((type)((type)(high) << (sizeof(type) > 8 ? 64 : 0)) | (type)(low))

/* X(type) */
#ifdef HAS_f16
#define ONLY_f16(X) X(f16)
#else
#define ONLY_f16(X)
#endif
#ifdef HAS_bf16
#define ONLY_bf16(X) X(bf16)
#else
#define ONLY_bf16(X)
#endif
#ifdef HAS_f80
#define ONLY_f80(X) X(f80)
#else
#define ONLY_f80(X)
#endif
#ifdef HAS_f128
#define ONLY_f128(X) X(f128)
#else
#define ONLY_f128(X)
#endif
#ifdef HAS_ibm128
#define ONLY_ibm128(X) X(ibm128)
#else
#define ONLY_ibm128(X)
#endif
/* ibm128 does not round as IEEE 754 says. Where results are not exact, it is left out. */
#define EACH_IEEE(X) ONLY_f16(X) ONLY_bf16(X) X(f32) X(f64) ONLY_f80(X) ONLY_f128(X)
#define EACH_FLOAT(X) EACH_IEEE(X) ONLY_ibm128(X)

/* Converts a result to its type. The control replaces the types that it lacks. */
#define AS_f16(x) ((f16)(x))
#define AS_f32(x) ((f32)(x))
#define AS_f64(x) ((f64)(x))
#define AS_f80(x) ((f80)(x))
#define AS_f128(x) ((f128)(x))
#ifdef CONTROL
#include "control.h"
#else
#define AS_bf16(x) ((bf16)(x))
#define AS_ibm128(x) ((ibm128)(x))
#endif

/* The lines so far. They are written at the end, and also when the program dies. */
static char corpus_text[1 << 19];
static size_t corpus_size;

UNUSED static void corpus_write(void)
{
    for (size_t from = 0; from < corpus_size;) {
        ssize_t wrote = write(1, corpus_text + from, corpus_size - from);
        if (wrote <= 0)
            _exit(3);
        from += wrote;
    }
    corpus_size = 0;
}

UNUSED static void corpus_died(int number)
{
    corpus_write();
    signal(number, SIG_DFL);
    raise(number);
}

__attribute__((constructor, unused)) static void corpus_begin(void)
{
    const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], corpus_died);
    atexit(corpus_write);
}

UNUSED OPAQUE static void put(char c)
{
    if (corpus_size == sizeof corpus_text)
        corpus_write();
    corpus_text[corpus_size++] = c;
}

UNUSED OPAQUE static void put_text(const char *text)
{
    while (*text)
        put(*text++);
}

UNUSED OPAQUE static void put_number(unsigned number)
{
    if (number >= 10)
        put_number(number / 10);
    put('0' + number % 10);
}

UNUSED OPAQUE static void put_byte(unsigned char byte)
{
    put("0123456789abcdef"[byte >> 4]);
    put("0123456789abcdef"[byte & 15]);
}

/* Begins a line with the name `name/i/j`. */
UNUSED OPAQUE static void name_2(const char *name, unsigned i, unsigned j)
{
    put_text(name);
    put('/');
    put_number(i);
    put('/');
    put_number(j);
    put(' ');
}

UNUSED OPAQUE static void name_1(const char *name, unsigned i)
{
    put_text(name);
    put('/');
    put_number(i);
    put(' ');
}

UNUSED OPAQUE static void name_0(const char *name)
{
    put_text(name);
    put(' ');
}

/* Byte `i` of a scalar, counted from the most significant of `size`. */
UNUSED static unsigned char byte_of(const void *value, size_t size, size_t i)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    i = size - 1 - i;
#endif
    (void)size;
    return ((const unsigned char *)value)[i];
}

UNUSED OPAQUE static void put_bytes(const void *value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put_byte(byte_of(value, size, i));
}

/* Writes a float, of which the first `exponent` bits after the sign are the exponent. */
UNUSED OPAQUE static void put_float(const void *value, size_t size, unsigned exponent)
{
    unsigned top = byte_of(value, size, 0) << 8 | byte_of(value, size, 1);
    unsigned mask = (1u << (15 - exponent)) - 1;
    int fraction = (top & mask) != 0;
    for (size_t i = 2; i < size; i++) {
        unsigned char byte = byte_of(value, size, i);
        /* In the 80-bit format, the first bit of the fraction is the integer. */
        fraction |= (i == 2 && size == 10 ? byte & 0x7f : byte) != 0;
    }
    if ((top & 0x7fff & ~mask) == (0x7fff & ~mask) && fraction)
        put_text("nan");
    else
        put_bytes(value, size);
}

/* PUT_type(value) writes a value without the end of its line. */
#define PUT_INT(type, ...)                                                                                             \
    UNUSED OPAQUE static void put_##type(type value)                                                                          \
    {                                                                                                                  \
        put_bytes(&value, sizeof value);                                                                               \
    }
EACH_INT(PUT_INT)
#define PUT_FLOAT(type, size, exponent)                                                                                \
    UNUSED OPAQUE static void put_##type(type value)                                                                          \
    {                                                                                                                  \
        put_float(&value, size, exponent);                                                                             \
    }
PUT_FLOAT(f32, 4, 8)
PUT_FLOAT(f64, 8, 11)
#ifdef HAS_f16
PUT_FLOAT(f16, 2, 5)
#endif
#ifdef HAS_f80
PUT_FLOAT(f80, 10, 15)
#endif
#ifdef HAS_f128
PUT_FLOAT(f128, 16, 15)
#endif
#ifndef CONTROL
#ifdef HAS_bf16
PUT_FLOAT(bf16, 2, 8)
#endif
#ifdef HAS_ibm128
/* Two doubles, the larger first, on every byte order. */
UNUSED OPAQUE static void put_ibm128(ibm128 value)
{
    double part[2];
    memcpy(part, &value, sizeof part);
    put_f64(part[0]);
    if (part[0] == part[0])
        put_f64(part[1]);
}
#endif
#endif

UNUSED static void end(void)
{
    put('\n');
}

/* A line of an int of 32 bits, for whatever has no width of its own. */
UNUSED OPAQUE static void line(const char *name, int value)
{
    name_0(name);
    put_i32(value);
    end();
}

/* FNV-1a over bytes in memory order. */
UNUSED OPAQUE static u64 hash_more(u64 hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}
#define HASH_START UINT64_C(0xcbf29ce484222325)

#endif
