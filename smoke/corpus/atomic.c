/* Atomic operations of every size, by clang's instructions or by calls of libatomic: integers of 1 to 16 bytes, and
 * objects of sizes and alignments that no processor has an instruction for. */
#include "integers.h"

#include <pthread.h>
#include <stdatomic.h>

#define ORDER __ATOMIC_SEQ_CST

#define FETCH(type, operation)                                                                                         \
    OPAQUE static void operation##_##type(type *place, type value)                                                     \
    {                                                                                                                  \
        name_0("atomic/" #operation "/" #type);                                                                        \
        put_##type(__atomic_##operation(place, value, ORDER));                                                         \
        put_##type(*place);                                                                                            \
        end();                                                                                                         \
    }
#define INTEGER(type, utype, is_signed, bits)                                                                          \
    FETCH(type, fetch_add)                                                                                             \
    FETCH(type, fetch_sub)                                                                                             \
    FETCH(type, fetch_and)                                                                                             \
    FETCH(type, fetch_or)                                                                                              \
    FETCH(type, fetch_xor)                                                                                             \
    FETCH(type, fetch_nand)                                                                                            \
    FETCH(type, add_fetch)                                                                                             \
    FETCH(type, exchange_n)                                                                                            \
    OPAQUE static void swap_##type(unsigned i, type *place, type expected, type value)                                 \
    {                                                                                                                  \
        name_1("atomic/compare_exchange/" #type, i);                                                                   \
        put_byte(__atomic_compare_exchange_n(place, &expected, value, 0, ORDER, __ATOMIC_RELAXED));                    \
        put_##type(expected);                                                                                          \
        put_##type(__atomic_load_n(place, ORDER));                                                                     \
        end();                                                                                                         \
    }                                                                                                                  \
    OPAQUE static void orders_##type(type *place, type value)                                                          \
    {                                                                                                                  \
        /* Each has a helper of its own, where the compiler calls helpers. */                                          \
        type all = 0;                                                                                                  \
        all ^= __atomic_fetch_add(place, value, __ATOMIC_RELAXED);                                                     \
        all ^= __atomic_fetch_add(place, value, __ATOMIC_ACQUIRE);                                                     \
        all ^= __atomic_fetch_add(place, value, __ATOMIC_RELEASE);                                                     \
        all ^= __atomic_fetch_or(place, value, __ATOMIC_RELAXED);                                                      \
        all ^= __atomic_fetch_and(place, all, __ATOMIC_ACQUIRE);                                                       \
        all ^= __atomic_fetch_xor(place, value, __ATOMIC_RELEASE);                                                     \
        all ^= __atomic_exchange_n(place, value, __ATOMIC_RELAXED);                                                    \
        all ^= __atomic_exchange_n(place, all, __ATOMIC_ACQUIRE);                                                      \
        __atomic_compare_exchange_n(place, &all, value, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);                        \
        __atomic_compare_exchange_n(place, &value, all, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);                        \
        __atomic_store_n(place, __atomic_load_n(place, __ATOMIC_ACQUIRE) ^ 1, __ATOMIC_RELEASE);                       \
        name_0("atomic/orders/" #type);                                                                                \
        put_##type(all);                                                                                               \
        put_##type(*place);                                                                                            \
        end();                                                                                                         \
    }                                                                                                                  \
    static void test_##type(void)                                                                                      \
    {                                                                                                                  \
        FILL_OPERANDS(type, utype, bits, v);                                                                           \
        /* With neighbours that must stay. */                                                                          \
        static type around[3] __attribute__((aligned(16)));                                                            \
        around[0] = around[2] = v[6];                                                                                  \
        type *place = &around[1];                                                                                      \
        *place = v[5];                                                                                                 \
        fetch_add_##type(place, v[6]);                                                                                 \
        fetch_sub_##type(place, v[7]);                                                                                 \
        fetch_and_##type(place, v[3]);                                                                                 \
        fetch_or_##type(place, v[4]);                                                                                  \
        fetch_xor_##type(place, v[6]);                                                                                 \
        fetch_nand_##type(place, v[5]);                                                                                \
        add_fetch_##type(place, v[8]);                                                                                 \
        exchange_n_##type(place, v[2]);                                                                                \
        swap_##type(0, place, v[2], v[6]);                                                                             \
        swap_##type(1, place, v[2], v[5]);                                                                             \
        orders_##type(place, v[5]);                                                                                    \
        name_0("atomic/around/" #type);                                                                                \
        put_byte(around[0] == v[6] && around[2] == v[6]);                                                              \
        end();                                                                                                         \
    }
EACH_INT(INTEGER)

/* Objects, aligned and not. An object of this type has an alignment of 1, so any address is right. */
#define EACH_SIZE(X) X(1) X(2) X(3) X(4) X(5) X(8) X(12) X(16) X(24) X(32)
#ifdef CONTROL
/* gcc takes an object of 16 bytes for aligned. The control does the same under a lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void object_exchange(void *place, const void *value, void *result, size_t size)
{
    pthread_mutex_lock(&lock);
    if (result)
        memcpy(result, place, size);
    if (value)
        memmove(place, value, size);
    pthread_mutex_unlock(&lock);
}

static int object_compare_exchange(void *place, void *expected, const void *value, size_t size)
{
    pthread_mutex_lock(&lock);
    int same = memcmp(place, expected, size) == 0;
    memcpy(same ? place : expected, same ? value : place, size);
    pthread_mutex_unlock(&lock);
    return same;
}
#define STORE(place, value) object_exchange(place, value, NULL, sizeof *(place))
#define LOAD(place, result) object_exchange(place, NULL, result, sizeof *(place))
#define EXCHANGE(place, value, result) object_exchange(place, value, result, sizeof *(place))
#define COMPARE_EXCHANGE(place, expected, value) object_compare_exchange(place, expected, value, sizeof *(place))
#else
#define STORE(place, value) __atomic_store(place, value, ORDER)
#define LOAD(place, result) __atomic_load(place, result, ORDER)
#define EXCHANGE(place, value, result) __atomic_exchange(place, value, result, ORDER)
#define COMPARE_EXCHANGE(place, expected, value) __atomic_compare_exchange(place, expected, value, 0, ORDER, ORDER)
#endif

OPAQUE static void fill(unsigned char *bytes, unsigned size, unsigned seed)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (unsigned char)(seed + 37 * i);
}

OPAQUE static void put_object(const unsigned char *bytes, unsigned size)
{
    u64 hash = hash_more(HASH_START, bytes, size);
    put_u64(hash);
}

/* Whether the bytes around an object are as they were. */
OPAQUE static int kept(const unsigned char *room, unsigned length, unsigned offset, unsigned size)
{
    int same = 1;
    for (unsigned at = 0; at < length; at++)
        same &= (at >= offset && at < offset + size) || room[at] == 0xa5;
    return same;
}

#define OBJECT(size)                                                                                                   \
    struct object_##size {                                                                                             \
        unsigned char bytes[size];                                                                                     \
    };                                                                                                                 \
    OPAQUE static void object_##size(struct object_##size *place, unsigned offset)                                     \
    {                                                                                                                  \
        struct object_##size value, other, result;                                                                     \
        fill(value.bytes, size, 1);                                                                                    \
        fill(other.bytes, size, 2);                                                                                    \
        name_1("atomic/object/" #size, offset);                                                                        \
        STORE(place, &value);                                                                                          \
        put_object(place->bytes, size);                                                                                \
        LOAD(place, &result);                                                                                          \
        put_object(result.bytes, size);                                                                                \
        EXCHANGE(place, &other, &result);                                                                              \
        put_object(result.bytes, size);                                                                                \
        put_byte(COMPARE_EXCHANGE(place, &value, &other));                                                             \
        put_object(value.bytes, size);                                                                                 \
        fill(other.bytes, size, 3);                                                                                    \
        put_byte(COMPARE_EXCHANGE(place, &value, &other));                                                             \
        put_object(place->bytes, size);                                                                                \
        end();                                                                                                         \
    }                                                                                                                  \
    static void objects_##size(void)                                                                                   \
    {                                                                                                                  \
        static unsigned char room[2 * size + 64] __attribute__((aligned(64)));                                         \
        static const unsigned char offsets[] = {0, 1, 2, 4, 8, 60};                                                    \
        for (unsigned i = 0; i < sizeof offsets; i++) {                                                                \
            memset(room, 0xa5, sizeof room);                                                                           \
            object_##size((struct object_##size *)(room + offsets[i]), offsets[i]);                                    \
            name_1("atomic/object/" #size "/around", offsets[i]);                                                      \
            put_byte((unsigned char)kept(room, sizeof room, offsets[i], size));                                        \
            end();                                                                                                     \
        }                                                                                                              \
    }
EACH_SIZE(OBJECT)

/* Floats, by loops of compare and exchange. */
#define FLOAT(type)                                                                                                    \
    OPAQUE static void float_##type(_Atomic type *place)                                                               \
    {                                                                                                                  \
        *place = (type)1.5;                                                                                            \
        *place += (type)2;                                                                                             \
        *place *= (type)-3;                                                                                            \
        name_0("atomic/float/" #type);                                                                                 \
        put_##type(*place);                                                                                            \
        end();                                                                                                         \
    }
FLOAT(f32)
FLOAT(f64)

/* Several threads at once: nothing is lost. */
enum { THREADS = 4, TURNS = 500 };
static _Atomic u8 count_8;
static _Atomic u16 count_16;
static _Atomic u32 count_32;
static _Atomic u64 count_64;
static _Atomic f64 count_f64;
static atomic_flag flag = ATOMIC_FLAG_INIT;
static unsigned guarded;
/* Two halves that must change together. */
struct halves {
    u64 first, second;
};
static struct halves halves __attribute__((aligned(16)));
static struct __attribute__((packed)) {
    char before;
    struct object_16 object;
} odd;
static _Atomic unsigned torn;

static void *count(void *argument)
{
    for (unsigned i = 0; i < TURNS; i++) {
        count_8++;
        count_16++;
        count_32++;
        count_64 += UINT64_C(0x100000001);
        count_f64 += 1;
        while (atomic_flag_test_and_set_explicit(&flag, memory_order_acquire))
            ;
        guarded++;
        atomic_flag_clear_explicit(&flag, memory_order_release);
        struct halves old, new;
        LOAD(&halves, &old);
        do {
            torn += old.first != ~old.second;
            new.first = old.first + 1;
            new.second = ~new.first;
        } while (!COMPARE_EXCHANGE(&halves, &old, &new));
        struct object_16 same;
        memset(same.bytes, (int)(i & 127), sizeof same.bytes);
        STORE(&odd.object, &same);
        LOAD(&odd.object, &same);
        for (unsigned at = 1; at < 16; at++)
            torn += same.bytes[at] != same.bytes[0];
    }
    return argument;
}

int main(void)
{
#define TEST(type, ...) test_##type();
    EACH_INT(TEST)
#define TEST_SIZE(size) objects_##size();
    EACH_SIZE(TEST_SIZE)
    static _Atomic f32 place_f32;
    static _Atomic f64 place_f64;
    float_f32(&place_f32);
    float_f64(&place_f64);

    halves.second = ~halves.first;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, count, NULL))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    name_0("atomic/threads/u8");
    put_u8(count_8);
    end();
    name_0("atomic/threads/u16");
    put_u16(count_16);
    end();
    name_0("atomic/threads/u32");
    put_u32(count_32);
    end();
    name_0("atomic/threads/u64");
    put_u64(count_64);
    end();
    name_0("atomic/threads/f64");
    put_f64(count_f64);
    end();
    line("atomic/threads/flag", (int)guarded);
    name_0("atomic/threads/halves");
    put_u64(halves.first);
    end();
    line("atomic/threads/torn", (int)torn);
    atomic_thread_fence(memory_order_seq_cst);
    atomic_signal_fence(memory_order_seq_cst);
    volatile size_t four = 4;
    line("atomic/is_lock_free", __atomic_is_lock_free(four, &count_32));
    return 0;
}
