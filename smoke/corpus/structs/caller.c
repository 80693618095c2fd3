#include "structs.h"

/* Not known to the compiler. */
static volatile int three = 3;
static volatile double five = 5;

OPAQUE static void fill(unsigned char *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7 + (unsigned)three);
}

OPAQUE static void put_hashes(unsigned size, const unsigned char *value, const unsigned char *result)
{
    name_1("structs/bytes", size);
    put_u64(hash_more(HASH_START, value, size));
    put_u64(hash_more(HASH_START, result, size));
    end();
}

#define TEST_BYTES(size)                                                                                               \
    OPAQUE static void test_bytes_##size(void)                                                                         \
    {                                                                                                                  \
        struct bytes_##size value, result;                                                                             \
        fill(value.v, size);                                                                                           \
        result = change_bytes_##size(three, value, five);                                                              \
        put_hashes(size, value.v, result.v);                                                                           \
    }
EACH_SIZE(TEST_BYTES)

#define SAME_TYPE(type)                                                                                                \
    UNUSED OPAQUE static void fill_##type(type *values, int count)                                                     \
    {                                                                                                                  \
        for (int i = 0; i < count; i++)                                                                                \
            values[i] = (type)(i * three);                                                                             \
    }                                                                                                                  \
    UNUSED OPAQUE static void put_all_##type(const type *values, int count)                                            \
    {                                                                                                                  \
        name_1("structs/" #type, (unsigned)count);                                                                     \
        for (int i = 0; i < count; i++)                                                                                \
            put_##type(values[i]);                                                                                     \
        end();                                                                                                         \
    }
#define SAME_INT(type, ...) SAME_TYPE(type)
EACH_INT(SAME_INT)
EACH_IEEE(SAME_TYPE)

#define TEST_SAME(type, count)                                                                                         \
    OPAQUE static void test_##type##_##count(void)                                                                     \
    {                                                                                                                  \
        struct type##_##count value, result;                                                                           \
        fill_##type(value.v, count);                                                                                   \
        result = change_##type##_##count(three, value, five);                                                          \
        put_all_##type(result.v, count);                                                                               \
    }
EACH_SAME(TEST_SAME)

#define TEST_MIXED(first, second)                                                                                      \
    OPAQUE static void test_##first##_and_##second(void)                                                               \
    {                                                                                                                  \
        struct first##_and_##second value = {(first)three, (second)five}, result;                                      \
        result = change_##first##_and_##second(three, value, five);                                                    \
        name_0("structs/and/" #first "/" #second);                                                                     \
        put_##first(result.a);                                                                                         \
        put_##second(result.b);                                                                                        \
        end();                                                                                                         \
        struct first##_around_##second longer = {(first)three, (second)five, (first)(three * 9)}, changed;             \
        changed = change_##first##_around_##second(three, longer, five);                                               \
        name_0("structs/around/" #first "/" #second);                                                                  \
        put_##first(changed.a);                                                                                        \
        put_##second(changed.b);                                                                                       \
        put_##first(changed.c);                                                                                        \
        end();                                                                                                         \
    }
EACH_MIXED(TEST_MIXED)

static void others(void)
{
    struct fields fields = {(u32)three, (u32)five, -100000000000};
    fields = change_fields(three, fields, five);
    name_0("structs/fields");
    put_i64(fields.a);
    put_i64(fields.b);
    put_i64(fields.c);
    end();

    struct nested nested = {{{(f32)three}}, {(f32)five}};
    nested = change_nested(three, nested, five);
    name_0("structs/nested");
    put_f32(nested.inner.v[0]);
    put_f32(nested.other.x);
    end();

    union either either = {five};
    either = change_either(three, either, five);
    name_0("structs/either");
    put_f64(either.d);
    end();

    struct aligned aligned = {three};
    aligned = change_aligned(three, aligned, five);
    name_0("structs/aligned");
    put_i64(aligned.a);
    end();

    struct packed packed = {(i8)three, three, (f32)five};
    packed = change_packed(three, packed, five);
    name_0("structs/packed");
    put_i8(packed.a);
    put_i64(packed.b);
    put_f32(packed.c);
    end();

    struct pointers pointers = {&fields, five};
    pointers = change_pointers(three, pointers, five);
    name_0("structs/pointers");
    put_i64((const char *)pointers.first - (const char *)&fields);
    put_f64(pointers.second);
    end();
}

static struct f64_and_i32 called_back(struct f64_and_i32 value, struct bytes_33 more)
{
    value.a += more.v[32];
    value.b -= more.v[31];
    return value;
}

static void calls(void)
{
    struct f64_2 a = {{0, five}};
    struct i64_2 b = {{0, three}};
    struct f32_3 c = {{0, 0, (f32)five}};
    struct bytes_17 d = {.v[16] = 7};
    struct f64_4 e = {{0, 0, 0, five}};
    struct i32_3 f = {{0, 0, three}};
    struct bytes_3 g = {{0, 0, 9}};
    struct i64_and_f64 h = {three, five};
    struct f32_2 i = {{0, (f32)five}};
    struct bytes_9 j = {.v[8] = 11};
    struct f64_1 k = {{five}};
    name_0("structs/many");
    put_f64(many(a, b, c, d, e, f, g, h, i, j, k));
    end();

    callback *volatile function = called_back;
    struct f64_and_i32 value = call(function, (struct f64_and_i32){five, three});
    name_0("structs/callback");
    put_f64(value.a);
    put_i32(value.b);
    end();
}

int main(void)
{
#define RUN_BYTES(size) test_bytes_##size();
    EACH_SIZE(RUN_BYTES)
#define RUN_SAME(type, count) test_##type##_##count();
    EACH_SAME(RUN_SAME)
#define RUN_MIXED(first, second) test_##first##_and_##second();
    EACH_MIXED(RUN_MIXED)
    others();
    calls();
    return 0;
}
