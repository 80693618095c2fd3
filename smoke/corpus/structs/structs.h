/* Structures by value, of every size to 64 bytes and of every kind that calling conventions treat differently. Each is
 * an argument and a result of a function of the other translation unit. */
#ifndef STRUCTS_H
#define STRUCTS_H

#include "../corpus.h"

/* Bytes alone: X(size) */
#define EACH_SIZE(X)                                                                                                   \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20)     \
    X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39)  \
    X(40) X(41) X(42) X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58)  \
    X(59) X(60) X(61) X(62) X(63) X(64)
#define BYTES(size)                                                                                                    \
    struct bytes_##size {                                                                                              \
        unsigned char v[size];                                                                                         \
    };
EACH_SIZE(BYTES)

/* Members of one type: X(type, count). Up to 64 bytes, which is beyond what any convention passes in registers. */
#ifdef HAS_f16
#define SAME_f16(X) X(f16, 1) X(f16, 2) X(f16, 3) X(f16, 4) X(f16, 5) X(f16, 8)
#else
#define SAME_f16(X)
#endif
#ifdef HAS_f80
#define SAME_f80(X) X(f80, 1) X(f80, 2) X(f80, 4)
#else
#define SAME_f80(X)
#endif
#ifdef HAS_f128
#define SAME_f128(X) X(f128, 1) X(f128, 2) X(f128, 3) X(f128, 4)
#else
#define SAME_f128(X)
#endif
#ifdef HAS_i128
#define SAME_i128(X) X(i128, 1) X(i128, 2) X(i128, 3) X(i128, 4)
#else
#define SAME_i128(X)
#endif
#define EACH_SAME(X)                                                                                                   \
    X(i16, 1) X(i16, 3) X(i16, 4) X(i16, 7) X(i16, 32) X(i32, 1) X(i32, 2) X(i32, 3) X(i32, 4) X(i32, 5) X(i32, 16)    \
    X(i64, 1) X(i64, 2) X(i64, 3) X(i64, 4) X(i64, 8) X(f32, 1) X(f32, 2) X(f32, 3) X(f32, 4) X(f32, 5) X(f32, 8)      \
    X(f32, 16) X(f64, 1) X(f64, 2) X(f64, 3) X(f64, 4) X(f64, 5) X(f64, 8) SAME_f16(X) SAME_f80(X) SAME_f128(X)        \
    SAME_i128(X)
#define SAME(type, count)                                                                                              \
    struct type##_##count {                                                                                            \
        type v[count];                                                                                                 \
    };
EACH_SAME(SAME)

/* Two members of different types, with a third of the first type: X(type, type) */
#define EACH_MIXED(X)                                                                                                  \
    X(i8, f32) X(f32, i8) X(i8, f64) X(f64, i8) X(i16, i64) X(i32, f32) X(f32, i32) X(i32, f64) X(f64, i32) X(i64, f64)\
    X(f64, i64) X(f32, f64) X(f64, f32) X(i64, i8) X(i64, f32)
#define MIXED(first, second)                                                                                           \
    struct first##_and_##second {                                                                                      \
        first a;                                                                                                       \
        second b;                                                                                                      \
    };                                                                                                                 \
    struct first##_around_##second {                                                                                   \
        first a;                                                                                                       \
        second b;                                                                                                      \
        first c;                                                                                                       \
    };
EACH_MIXED(MIXED)

/* What has no pattern. */
struct fields {
    u32 a : 3, b : 29;
    i64 c : 40;
};
struct nested {
    struct f32_1 inner;
    struct {
        f32 x;
    } other;
};
union either {
    f64 d;
    u64 i;
    f32 f[2];
};
struct __attribute__((aligned(16))) aligned {
    i64 a;
};
struct __attribute__((packed)) packed {
    i8 a;
    i64 b;
    f32 c;
};
struct pointers {
    const void *first;
    f64 second;
};

/* What a callee returns: its structure, with the members changed. `before` and `after` are arguments around it. */
#define CHANGE(name) struct name change_##name(int before, struct name value, double after);
#define CHANGE_BYTES(size) CHANGE(bytes_##size)
EACH_SIZE(CHANGE_BYTES)
#define CHANGE_SAME(type, count) CHANGE(type##_##count)
EACH_SAME(CHANGE_SAME)
#define CHANGE_MIXED(first, second) CHANGE(first##_and_##second) CHANGE(first##_around_##second)
EACH_MIXED(CHANGE_MIXED)
CHANGE(fields)
CHANGE(nested)
CHANGE(aligned)
CHANGE(packed)
CHANGE(pointers)
union either change_either(int before, union either value, double after);

/* Several by value, with the registers exhausted before the last. */
double many(struct f64_2 a, struct i64_2 b, struct f32_3 c, struct bytes_17 d, struct f64_4 e, struct i32_3 f,
            struct bytes_3 g, struct i64_and_f64 h, struct f32_2 i, struct bytes_9 j, struct f64_1 k);
/* Called back with a structure, through a pointer. */
typedef struct f64_and_i32 callback(struct f64_and_i32 value, struct bytes_33 more);
struct f64_and_i32 call(callback *function, struct f64_and_i32 value);

#endif
