/* The builtins that look at bits. */
#include "integers.h"

#define BITS(type, utype, suffix)                                                                                      \
    OPAQUE static void bits_##type(unsigned i, type value)                                                             \
    {                                                                                                                  \
        name_1("clz/" #utype, i);                                                                                      \
        put_byte((unsigned char)__builtin_clz##suffix((utype)value));                                                  \
        end();                                                                                                         \
        name_1("ctz/" #utype, i);                                                                                      \
        put_byte((unsigned char)__builtin_ctz##suffix((utype)value));                                                  \
        end();                                                                                                         \
        name_1("popcount/" #utype, i);                                                                                 \
        put_byte((unsigned char)__builtin_popcount##suffix((utype)value));                                             \
        end();                                                                                                         \
        name_1("parity/" #utype, i);                                                                                   \
        put_byte((unsigned char)__builtin_parity##suffix((utype)value));                                               \
        end();                                                                                                         \
        name_1("ffs/" #utype, i);                                                                                      \
        put_byte((unsigned char)__builtin_ffs##suffix(value));                                                         \
        end();                                                                                                         \
        name_1("clrsb/" #utype, i);                                                                                    \
        put_byte((unsigned char)__builtin_clrsb##suffix(value));                                                       \
        end();                                                                                                         \
    }                                                                                                                  \
    OPAQUE static void ffs_##type(type value)                                                                          \
    {                                                                                                                  \
        name_0("ffs/" #utype "/zero");                                                                                 \
        put_byte((unsigned char)__builtin_ffs##suffix(value));                                                         \
        end();                                                                                                         \
    }                                                                                                                  \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, (unsigned)sizeof(type) * 8, v);                                                     \
        for (unsigned i = 0; i < OPERANDS; i++)                                                                        \
            bits_##type(i, v[i]);                                                                                      \
        volatile type zero = 0;                                                                                        \
        ffs_##type(zero);                                                                                              \
    }
BITS(i32, u32, )
BITS(i64, u64, ll)

#define SWAP(type, bits)                                                                                               \
    OPAQUE static type swapped_##type(type value)                                                                      \
    {                                                                                                                  \
        return __builtin_bswap##bits(value);                                                                           \
    }                                                                                                                  \
    static void swap_##type(void)                                                                                      \
    {                                                                                                                  \
        FILL_OPERANDS(type, type, bits, v);                                                                            \
        for (unsigned i = 0; i < OPERANDS; i++) {                                                                      \
            name_1("bswap/" #type, i);                                                                                 \
            put_##type(swapped_##type(v[i]));                                                                          \
            end();                                                                                                     \
        }                                                                                                              \
    }
SWAP(u16, 16)
SWAP(u32, 32)
SWAP(u64, 64)

#ifdef HAS_u128
/* There is a builtin for 64 bits at most; so the compiler is to see the patterns. */
OPAQUE static unsigned population(u128 value)
{
    return (unsigned)(__builtin_popcountll((u64)value) + __builtin_popcountll((u64)(value >> 64)));
}

OPAQUE static unsigned leading(u128 value)
{
    return (unsigned)(value >> 64 ? __builtin_clzll((u64)(value >> 64)) : 64 + __builtin_clzll((u64)value));
}

static void wide(void)
{
    FILL_OPERANDS(u128, u128, 128, v);
    for (unsigned i = 0; i < OPERANDS; i++) {
        name_1("popcount/u128", i);
        put_byte((unsigned char)population(v[i]));
        end();
        name_1("clz/u128", i);
        put_byte((unsigned char)leading(v[i]));
        end();
    }
}
#endif

int main(void)
{
    test_i32();
    test_i64();
    swap_u16();
    swap_u32();
    swap_u64();
#ifdef HAS_u128
    wide();
#endif
    return 0;
}
