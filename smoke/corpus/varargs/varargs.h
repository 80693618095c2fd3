/* What the two translation units of this program share. */
#ifndef VARARGS_H
#define VARARGS_H

#include "../corpus.h"

#include <stdarg.h>

struct small {
    signed char a;
    short b;
};
struct pair {
    float x, y;
};
struct mixed {
    int i;
    double d;
};
struct large {
    long long parts[5];
};
struct odd {
    unsigned char bytes[7];
};

/* The letters of `kinds` say what follows: each argument is shown in a line `varargs/NAME/N/LETTER`. */
void show(const char *name, const char *kinds, ...);

#endif
