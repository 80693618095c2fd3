#include "c.h"

struct layout layout(int which) {
    switch (which) {
    case 0: return (struct layout){sizeof(struct mixed), _Alignof(struct mixed), offsetof(struct mixed, h)};
    case 1: return (struct layout){sizeof(struct fields), _Alignof(struct fields), 0};
    default: return (struct layout){sizeof(struct stat), _Alignof(struct stat), offsetof(struct stat, st_mtim)};
    }
}

struct fields fields(unsigned a, int b, uint64_t c, bool d) {
    return (struct fields){a, b, c, d};
}

double sum(struct mixed *mixed, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += mixed[i].a + mixed[i].b + mixed[i].c + mixed[i].d + mixed[i].e + mixed[i].g + mixed[i].h.tv_nsec + mixed[i].i;
    return sum;
}
