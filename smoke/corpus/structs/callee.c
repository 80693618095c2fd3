#include "structs.h"

/* The arguments around the structure must arrive too: they are part of what is returned. */
#define SUM(before, after) ((before) + (int)(after))

/* Loops are in functions of their own: what is tested is how the structures arrive. */
OPAQUE static void change(unsigned char *bytes, unsigned size, int sum)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (unsigned char)(bytes[i] * 3 + (int)i + sum);
}

#define DEFINE_BYTES(size)                                                                                             \
    struct bytes_##size change_bytes_##size(int before, struct bytes_##size value, double after)                       \
    {                                                                                                                  \
        change(value.v, size, SUM(before, after));                                                                     \
        return value;                                                                                                  \
    }
EACH_SIZE(DEFINE_BYTES)

#define ADD(type)                                                                                                      \
    UNUSED OPAQUE static void add_##type(type *values, unsigned count, int sum)                                        \
    {                                                                                                                  \
        for (unsigned i = 0; i < count; i++)                                                                           \
            values[i] = (type)(values[i] + (type)sum);                                                                 \
    }
#define ADD_INT(type, ...) ADD(type)
EACH_INT(ADD_INT)
EACH_IEEE(ADD)

#define DEFINE_SAME(type, count)                                                                                       \
    struct type##_##count change_##type##_##count(int before, struct type##_##count value, double after)               \
    {                                                                                                                  \
        add_##type(value.v, count, SUM(before, after));                                                                \
        return value;                                                                                                  \
    }
EACH_SAME(DEFINE_SAME)

#define DEFINE_MIXED(first, second)                                                                                    \
    struct first##_and_##second change_##first##_and_##second(int before, struct first##_and_##second value,           \
                                                              double after)                                            \
    {                                                                                                                  \
        value.a = (first)(value.a + (first)before);                                                                    \
        value.b = (second)(value.b + (second)after);                                                                   \
        return value;                                                                                                  \
    }                                                                                                                  \
    struct first##_around_##second change_##first##_around_##second(int before, struct first##_around_##second value,  \
                                                                    double after)                                      \
    {                                                                                                                  \
        value.a = (first)(value.a + (first)before);                                                                    \
        value.b = (second)(value.b + (second)after);                                                                   \
        value.c = (first)(value.c - (first)before);                                                                    \
        return value;                                                                                                  \
    }
EACH_MIXED(DEFINE_MIXED)

struct fields change_fields(int before, struct fields value, double after)
{
    value.a += (u32)before;
    value.b += (u32)after;
    value.c -= before;
    return value;
}

struct nested change_nested(int before, struct nested value, double after)
{
    value.inner.v[0] += (f32)before;
    value.other.x += (f32)after;
    return value;
}

struct aligned change_aligned(int before, struct aligned value, double after)
{
    value.a = (value.a + SUM(before, after)) << ((uintptr_t)&value % 16);
    return value;
}

struct packed change_packed(int before, struct packed value, double after)
{
    value.a = (i8)(value.a + before);
    value.b += before;
    value.c += (f32)after;
    return value;
}

struct pointers change_pointers(int before, struct pointers value, double after)
{
    value.first = (const char *)value.first + before;
    value.second += after;
    return value;
}

union either change_either(int before, union either value, double after)
{
    value.d += before + after;
    return value;
}

double many(struct f64_2 a, struct i64_2 b, struct f32_3 c, struct bytes_17 d, struct f64_4 e, struct i32_3 f,
            struct bytes_3 g, struct i64_and_f64 h, struct f32_2 i, struct bytes_9 j, struct f64_1 k)
{
    return a.v[1] + (double)b.v[1] * 2 + c.v[2] * 4 + d.v[16] * 8 + e.v[3] * 16 + f.v[2] * 32 + g.v[2] * 64 +
           (double)h.a * 128 + h.b * 256 + i.v[1] * 512 + j.v[8] * 1024 + k.v[0] * 2048;
}

struct f64_and_i32 call(callback *function, struct f64_and_i32 value)
{
    struct bytes_33 more;
    for (unsigned i = 0; i < sizeof more.v; i++)
        more.v[i] = (unsigned char)i;
    return function(value, more);
}
