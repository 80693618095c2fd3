/* Types whose layout differs between architectures. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

enum colour { RED = -1, GREEN = 7 };

struct fields {
    unsigned a : 3;
    int b : 7;
    uint64_t c : 33;
    bool d : 1;
};

struct mixed {
    char a;
    long b;
    short c;
    long long d;
    double e;
    void *f;
    enum colour g;
    struct timespec h;
    wchar_t i;
};

struct layout {
    size_t size, align, offset;
};

#define ANSWER 42

/* What the C compiler says: 0 is `mixed` and its member h, 1 `fields`, 2 `stat` and st_mtim. No type has a long double,
   because bindgen knows none of 12 bytes, as on x86. */
struct layout layout(int which);
struct fields fields(unsigned a, int b, uint64_t c, bool d);
double sum(struct mixed *mixed, size_t count);
