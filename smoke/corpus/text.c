/* Floats as text and back by the C library, which has its own copies of the runtime's helpers. All results are exact or
 * correctly rounded. */
#include "floats.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const texts[] = {
    "0.1", "-3.5", "1e10", "123456789012345678901234567890", "1.7976931348623157e308", "4.9406564584124654e-324",
    "3.4028235e38", "1e-45", "0.333333333333333333333333333333333333333333", "9007199254740993", "-inf", "nan", "1e999",
    "2.5e-1", "65504.0001",
};
#define TEXTS (sizeof texts / sizeof *texts)

static void show_text(const char *name, unsigned i, const char *text)
{
    name_1(name, i);
    while (*text) {
        put(*text == ' ' ? '_' : *text);
        text++;
    }
    end();
}

OPAQUE static void doubles(unsigned i)
{
    char text[400];
    f64 value = strtod(texts[i], NULL);
    name_1("text/f64/parsed", i);
    put_f64(value);
    end();
    name_1("text/f32/parsed", i);
    put_f32(strtof(texts[i], NULL));
    end();
    if (value != value)
        return;
    snprintf(text, sizeof text, "%.17g %.3f %.0e", value, value, value);
    show_text("text/f64/printed", i, text);
    name_1("text/f64/rounded", i);
    put_f64(__builtin_nearbyint(value));
    end();
}

/* The control's `long double` has 80 bits; glibc has functions of their own for binary128. */
#if defined CONTROL
int strfromf128(char *, size_t, const char *, _Float128);
_Float128 strtof128(const char *, char **);
#define PARSE_f80(text) strtold(text, NULL)
#define PARSE_f128(text) strtof128(text, NULL)
#define PRINT_f80(text, size, value) snprintf(text, size, "%.40Lg", value)
#define PRINT_f128(text, size, value) strfromf128(text, size, "%.40g", value)
#else
#define PARSE_f80(text) strtold(text, NULL)
#define PARSE_f128(text) strtold(text, NULL)
#define PRINT_f80(text, size, value) snprintf(text, size, "%.40Lg", value)
#define PRINT_f128(text, size, value) snprintf(text, size, "%.40Lg", value)
#endif

#define LONG(type)                                                                                                     \
    OPAQUE static void longs_##type(unsigned i)                                                                        \
    {                                                                                                                  \
        char text[100];                                                                                                \
        type value = PARSE_##type(texts[i]);                                                                           \
        name_1("text/" #type "/parsed/long", i);                                                                       \
        put_##type(value);                                                                                             \
        end();                                                                                                         \
        if (value == value) {                                                                                          \
            PRINT_##type(text, sizeof text, value);                                                                    \
            show_text("text/" #type "/printed/long", i, text);                                                         \
        }                                                                                                              \
    }
#ifdef HAS_f80
LONG(f80)
#endif
#ifdef HAS_f128_long
LONG(f128)
#endif

int main(void)
{
    for (unsigned i = 0; i < TEXTS; i++) {
        doubles(i);
#ifdef HAS_f80
        longs_f80(i);
#endif
#ifdef HAS_f128_long
        longs_f128(i);
#endif
    }
    return 0;
}
