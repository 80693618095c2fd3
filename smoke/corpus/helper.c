/* The runtime's integer helpers, called by their names: compilers call most of them on few processors only. The control
 * computes the same in C. */
#include "integers.h"

#ifdef CONTROL
#define HELPER(result, name, parameters, expression)                                                                   \
    OPAQUE static result control_##name parameters                                                                     \
    {                                                                                                                  \
        return expression;                                                                                             \
    }
#define CALL(name) control_##name
#else
#define HELPER(result, name, parameters, expression) result name parameters;
#define CALL(name) name
#endif

#define COMPARED(a, b) ((a) < (b) ? 0 : (a) == (b) ? 1 : 2)
/* s: the letters of the mode; t and u: its types. */
#define HELPERS(s, t, u, suffix)                                                                                       \
    HELPER(int, __clz##s##2, (t a), __builtin_clz##suffix((u)a))                                                       \
    HELPER(int, __ctz##s##2, (t a), __builtin_ctz##suffix((u)a))                                                       \
    HELPER(int, __popcount##s##2, (t a), __builtin_popcount##suffix((u)a))                                             \
    HELPER(int, __parity##s##2, (t a), __builtin_parity##suffix((u)a))                                                 \
    HELPER(int, __ffs##s##2, (t a), __builtin_ffs##suffix(a))                                                          \
    HELPER(u, __bswap##s##2, (u a), SWAP_##s(a))
#define SWAP_si(a) __builtin_bswap32(a)
#define SWAP_di(a) __builtin_bswap64(a)
#define TRAPPING(s, t)                                                                                                 \
    HELPER(t, __abs##v##s##2, (t a), a < 0 ? -a : a)                                                                   \
    HELPER(t, __neg##v##s##2, (t a), -a)                                                                               \
    HELPER(t, __add##v##s##3, (t a, t b), a + b)                                                                       \
    HELPER(t, __sub##v##s##3, (t a, t b), a - b)                                                                       \
    HELPER(t, __mul##v##s##3, (t a, t b), a * b)
#define DIVISIONS(s, t, u)                                                                                             \
    HELPER(t, __div##s##3, (t a, t b), a / b)                                                                          \
    HELPER(t, __mod##s##3, (t a, t b), a % b)                                                                          \
    HELPER(u, __udiv##s##3, (u a, u b), a / b)                                                                         \
    HELPER(u, __umod##s##3, (u a, u b), a % b)
#define DIVISIONS_WITH_REMAINDER(s, t, u)                                                                              \
    HELPER(t, __divmod##s##4, (t a, t b, t *r), (*r = a % b, a / b))                                                   \
    HELPER(u, __udivmod##s##4, (u a, u b, u *r), (*r = a % b, a / b))
#define LONG(s, t, u, bits)                                                                                            \
    HELPER(t, __mul##s##3, (t a, t b), (t)((u)a * (u)b))                                                               \
    HELPER(t, __neg##s##2, (t a), (t)(0 - (u)a))                                                                       \
    HELPER(t, __ashl##s##3, (t a, int by), (t)((u)a << by))                                                            \
    HELPER(t, __lshr##s##3, (t a, int by), (t)((u)a >> by))                                                            \
    HELPER(t, __ashr##s##3, (t a, int by), a >> by)                                                                    \
    HELPER(int, __cmp##s##2, (t a, t b), COMPARED(a, b))                                                               \
    HELPER(int, __ucmp##s##2, (u a, u b), COMPARED(a, b))

HELPERS(si, i32, u32, )
HELPERS(di, i64, u64, ll)
TRAPPING(si, i32)
TRAPPING(di, i64)
DIVISIONS(si, i32, u32)
DIVISIONS(di, i64, u64)
DIVISIONS_WITH_REMAINDER(si, i32, u32)
DIVISIONS_WITH_REMAINDER(di, i64, u64)
LONG(di, i64, u64, 64)
#ifdef HAS_i128
TRAPPING(ti, i128)
DIVISIONS(ti, i128, u128)
DIVISIONS_WITH_REMAINDER(ti, i128, u128)
LONG(ti, i128, u128, 128)
HELPER(int, __clzti2, (i128 a), (u128)a >> 64 ? __builtin_clzll((u64)(a >> 64)) : 64 + __builtin_clzll((u64)a))
HELPER(int, __ctzti2, (i128 a), (u64)a ? __builtin_ctzll((u64)a) : 64 + __builtin_ctzll((u64)(a >> 64)))
HELPER(int, __popcountti2, (i128 a), __builtin_popcountll((u64)a) + __builtin_popcountll((u64)(a >> 64)))
HELPER(int, __parityti2, (i128 a), __builtin_parityll((u64)a ^ (u64)(a >> 64)))
HELPER(int, __ffsti2, (i128 a), (u64)a ? __builtin_ffsll((i64)a) : 64 + __builtin_ffsll((i64)(a >> 64)))
#endif

/* `of` is the type that the helper is for. */
#define SHOW(of, type, name, i, j, ...)                                                                                \
    name_2("helper/" #of "/" #name, i, j);                                                                             \
    put_##type(CALL(name)(__VA_ARGS__));                                                                               \
    end();

#define TEST_BITS(s, type, i, a)                                                                                       \
    SHOW(type, i32, __clz##s##2, i, 0, a)                                                                              \
    SHOW(type, i32, __ctz##s##2, i, 0, a)                                                                              \
    SHOW(type, i32, __popcount##s##2, i, 0, a)                                                                         \
    SHOW(type, i32, __parity##s##2, i, 0, a)                                                                           \
    SHOW(type, i32, __ffs##s##2, i, 0, a)
#define TEST_SWAP(s, utype, i, a) SHOW(utype, utype, __bswap##s##2, i, 0, (utype)a)
#define TEST_DIVISIONS(s, type, utype, i, j, a, b)                                                                     \
    /* The quotient of the least number and -1 does not fit. */                                                        \
    if (i != 2 || j != 1) {                                                                                            \
        type remainder;                                                                                                \
        SHOW(type, type, __div##s##3, i, j, a, b)                                                                      \
        SHOW(type, type, __mod##s##3, i, j, a, b)                                                                      \
        SHOW(type, type, __divmod##s##4, i, j, a, b, &remainder)                                                       \
        name_2("helper/" #type "/__divmod" #s "4/remainder", i, j);                                                    \
        put_##type(remainder);                                                                                         \
        end();                                                                                                         \
    }                                                                                                                  \
    utype uremainder;                                                                                                  \
    SHOW(utype, utype, __udiv##s##3, i, j, (utype)a, (utype)b)                                                         \
    SHOW(utype, utype, __umod##s##3, i, j, (utype)a, (utype)b)                                                         \
    SHOW(utype, utype, __udivmod##s##4, i, j, (utype)a, (utype)b, &uremainder)                                         \
    name_2("helper/" #utype "/__udivmod" #s "4/remainder", i, j);                                                      \
    put_##utype(uremainder);                                                                                           \
    end();
/* Without overflow: a half of the width is left. */
#define TEST_TRAPPING(s, type, bits, i, j, a, b)                                                                       \
    SHOW(type, type, __absv##s##2, i, j, (type)(a >> (bits / 2 + 1)))                                                  \
    SHOW(type, type, __negv##s##2, i, j, (type)(a >> (bits / 2 + 1)))                                                  \
    SHOW(type, type, __addv##s##3, i, j, (type)(a >> (bits / 2 + 1)), (type)(b >> (bits / 2 + 1)))                     \
    SHOW(type, type, __subv##s##3, i, j, (type)(a >> (bits / 2 + 1)), (type)(b >> (bits / 2 + 1)))                     \
    SHOW(type, type, __mulv##s##3, i, j, (type)(a >> (bits / 2 + 1)), (type)(b >> (bits / 2 + 1)))
#define TEST_LONG(s, type, utype, bits, i, j, a, b)                                                                    \
    SHOW(type, type, __mul##s##3, i, j, a, b)                                                                          \
    SHOW(type, type, __neg##s##2, i, j, a)                                                                             \
    SHOW(type, type, __ashl##s##3, i, j, a, (int)(j * 15 % bits))                                                      \
    SHOW(type, type, __lshr##s##3, i, j, a, (int)(j * 15 % bits))                                                      \
    SHOW(type, type, __ashr##s##3, i, j, a, (int)(j * 15 % bits))                                                      \
    SHOW(type, i32, __cmp##s##2, i, j, a, b)                                                                           \
    SHOW(type, i32, __ucmp##s##2, i, j, (utype)a, (utype)b)

OPAQUE static void test_32(void)
{
    FILL_OPERANDS(i32, u32, 32, v);
    for (unsigned i = 0; i < OPERANDS; i++) {
        i32 a = v[i];
        TEST_BITS(si, i32, i, a)
        TEST_SWAP(si, u32, i, a)
        for (unsigned j = i % 3; j < OPERANDS; j += 3) {
            i32 b = v[j];
            TEST_DIVISIONS(si, i32, u32, i, j, a, b)
            TEST_TRAPPING(si, i32, 32, i, j, a, b)
        }
    }
}

OPAQUE static void test_64(void)
{
    FILL_OPERANDS(i64, u64, 64, v);
    for (unsigned i = 0; i < OPERANDS; i++) {
        i64 a = v[i];
        TEST_BITS(di, i64, i, a)
        TEST_SWAP(di, u64, i, a)
        for (unsigned j = i % 3; j < OPERANDS; j += 3) {
            i64 b = v[j];
            TEST_DIVISIONS(di, i64, u64, i, j, a, b)
            TEST_TRAPPING(di, i64, 64, i, j, a, b)
            TEST_LONG(di, i64, u64, 64, i, j, a, b)
        }
    }
}

#ifdef HAS_i128
OPAQUE static void test_128(void)
{
    FILL_OPERANDS(i128, u128, 128, v);
    for (unsigned i = 0; i < OPERANDS; i++) {
        i128 a = v[i];
        TEST_BITS(ti, i128, i, a)
        for (unsigned j = i % 3; j < OPERANDS; j += 3) {
            i128 b = v[j];
            TEST_DIVISIONS(ti, i128, u128, i, j, a, b)
            TEST_TRAPPING(ti, i128, 128, i, j, a, b)
            TEST_LONG(ti, i128, u128, 128, i, j, a, b)
        }
    }
}
#endif

int main(void)
{
    test_32();
    test_64();
#ifdef HAS_i128
    test_128();
#endif
    return 0;
}
