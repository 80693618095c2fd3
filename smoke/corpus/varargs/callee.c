#include "varargs.h"

static void begin(const char *name, unsigned i, char kind)
{
    put_text("varargs/");
    put_text(name);
    put('/');
    put_number(i);
    put('/');
    switch (kind) {
    case 'I':
        put_text("i128");
        break;
    case 'Q':
        put_text("f128");
        break;
    case 'X':
        put_text("f80");
        break;
    case 'h':
        put_text("f16");
        break;
    default:
        put(kind);
    }
    put(' ');
}

/* `list` points to the arguments, also when it is a copy. */
static void show_list(const char *name, const char *kinds, va_list *list)
{
    for (unsigned i = 0; kinds[i]; i++) {
        begin(name, i, kinds[i]);
        switch (kinds[i]) {
        case 'i':
            put_i32(va_arg(*list, int));
            break;
        case 'l':
            put_i64(va_arg(*list, long long));
            break;
        case 'n':
            put_i64(va_arg(*list, long));
            break;
        case 'd':
            put_f64(va_arg(*list, double));
            break;
        case 'p':
            put_text(va_arg(*list, const char *));
            break;
        case 's': {
            struct small value = va_arg(*list, struct small);
            put_i8(value.a);
            put_i16(value.b);
            break;
        }
        case 'f': {
            struct pair value = va_arg(*list, struct pair);
            put_f32(value.x);
            put_f32(value.y);
            break;
        }
        case 'm': {
            struct mixed value = va_arg(*list, struct mixed);
            put_i32(value.i);
            put_f64(value.d);
            break;
        }
        case 'L': {
            struct large value = va_arg(*list, struct large);
            for (unsigned part = 0; part < 5; part++)
                put_i64(value.parts[part]);
            break;
        }
        case 'o': {
            struct odd value = va_arg(*list, struct odd);
            for (unsigned byte = 0; byte < 7; byte++)
                put_byte(value.bytes[byte]);
            break;
        }
        case 'D': {
            /* `long double`: small whole numbers, so that every width has them. */
            long double value = va_arg(*list, long double);
            put_f64((f64)value);
            break;
        }
        case 'c': {
            _Complex double value = va_arg(*list, _Complex double);
            put_f64(__real__ value);
            put_f64(__imag__ value);
            break;
        }
#ifdef HAS_i128
        case 'I':
            put_i128(va_arg(*list, i128));
            break;
#endif
#ifdef HAS_f128
        case 'Q':
            put_f128(va_arg(*list, f128));
            break;
#endif
#ifdef HAS_f80
        case 'X':
            put_f80(va_arg(*list, f80));
            break;
#endif
#ifdef HAS_f16
        case 'h':
            put_f16(va_arg(*list, f16));
            break;
#endif
        }
        end();
    }
}

OPAQUE void show(const char *name, const char *kinds, ...)
{
    va_list list, copy;
    va_start(list, kinds);
    va_copy(copy, list);
    show_list(name, kinds, &list);
    /* A copy begins where the list was. Only some are shown again. */
    if (*name == 't') {
        name_0("varargs/twice/copy");
        put_i32(va_arg(copy, int));
        put_f64(va_arg(copy, double));
        end();
    }
    va_end(copy);
    va_end(list);
    corpus_write();
}
