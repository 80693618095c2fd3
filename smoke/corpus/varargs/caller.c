/* Arguments of every type for functions with a variable number of them: in registers, and more than fit there. */
#include "varargs.h"

static volatile int one = 1;

int main(void)
{
    int i = one * 0x12345678;
    long long l = one * INT64_C(0x123456789abcdef0);
    /* As wide as the narrowest `long`. */
    long n = one * -0x76543210L;
    double d = one * 1.25;
    struct small small = {(signed char)-one, (short)(one * 0x1234)};
    struct pair pair = {(float)one * 1.5f, (float)one * -2.5f};
    struct mixed mixed = {one * 7, one * 0.125};
    struct large large = {{l, -l, l + 1, l + 2, l + 3}};
    struct odd odd = {{1, 2, 3, 4, 5, 6, (unsigned char)(one * 7)}};
    long double w = one * 77;
    _Complex double c;
    __real__ c = d;
    __imag__ c = -d;

    show("twice", "id", i, d);
    show("one", "i", i);
    show("ints", "iiiiiiiiiiii", i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7, i + 8, i + 9, i + 10, i + 11);
    show("longs", "illlllllll", i, l, l + 1, l + 2, l + 3, l + 4, l + 5, l + 6, l + 7, l + 8);
    show("doubles", "dddddddddddd", d, d + 1, d + 2, d + 3, d + 4, d + 5, d + 6, d + 7, d + 8, d + 9, d + 10, d + 11);
    show("in_turn", "idlidlnidlnpidlnp", i, d, l, i + 1, d + 1, l + 1, n, i + 2, d + 2, l + 2, n + 1, "text", i + 3,
         d + 3, l + 3, n + 2, "more");
    show("small", "sisisisisisi", small, i, small, i, small, i, small, i, small, i, small, i);
    show("floats", "fdfdfdfdfdfd", pair, d, pair, d, pair, d, pair, d, pair, d, pair, d);
    show("mixed", "mimimimimi", mixed, i, mixed, i, mixed, i, mixed, i, mixed, i);
    show("large", "iLiLd", i, large, i + 1, large, d);
    show("odd", "oioioioioioioi", odd, i, odd, i, odd, i, odd, i, odd, i, odd, i, odd, i);
    show("wide", "iDiDdDiiDiDiDiD", i, w, i, w + 1, d, w + 2, i, i, w + 3, i, w + 4, i, w + 5, i, w + 6);
    show("complex", "icicdcicicic", i, c, i, c, d, c, i, c, i, c, i, c);
#ifdef HAS_i128
    i128 wide = (i128)l << 64 | (u64)-l;
    show("i128", "iIiIIiIiI", i, wide, i, wide + 1, wide + 2, i, wide + 3, i, wide + 4);
#endif
#ifdef HAS_f128
    show("f128", "iQdQQiQiQdQQQ", i, (f128)w, d, (f128)w + 1, (f128)w + 2, i, (f128)w + 3, i, (f128)w + 4, d,
         (f128)w + 5, (f128)w + 6, (f128)w + 7);
#endif
#ifdef HAS_f80
    show("f80", "iXdXXiXiXdXXX", i, (f80)w, d, (f80)w + 1, (f80)w + 2, i, (f80)w + 3, i, (f80)w + 4, d, (f80)w + 5,
         (f80)w + 6, (f80)w + 7);
#endif
#ifdef HAS_f16
    f16 h = (f16)(one * 1.5);
    show("f16", "ihdhhhhhhhhhi", i, h, d, h, h, h, h, h, h, h, h, h, i);
#endif
    return 0;
}
