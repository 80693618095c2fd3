/* setjmp, longjmp, and their relatives with a signal mask. */
#include "corpus.h"

#include <setjmp.h>

static jmp_buf place;
static sigjmp_buf signal_place;
static volatile int three = 3;

/* Leaves other values in every register that a function may use. */
OPAQUE static double clobber(double a, long b)
{
    volatile double d[16];
    volatile long l[16];
    double da = a + 1, db = a * 2, dc = a - 3, dd = a * 5, de = a + 7, df = a * 11, dg = a - 13, dh = a + 17;
    long la = b + 1, lb = b * 2, lc = b - 3, ld = b * 5, le = b + 7, lf = b * 11, lg = b - 13, lh = b + 17;
    for (int i = 0; i < 16; i++) {
        da += db, db += dc, dc += dd, dd += de, de += df, df += dg, dg += dh, dh += da;
        la += lb, lb += lc, lc += ld, ld += le, le += lf, lf += lg, lg += lh, lh += la;
        d[i] = da, l[i] = la;
    }
    return da + db + dc + dd + de + df + dg + dh + (double)(la ^ lb ^ lc ^ ld ^ le ^ lf ^ lg ^ lh) + d[3] + (double)l[5];
}

OPAQUE static void deep(int levels, int value)
{
    volatile double sum = clobber(levels, value);
    if (levels)
        deep(levels - 1, value);
    (void)sum;
    longjmp(place, value);
}

/* Locals that do not change after setjmp keep their values, whatever register they are in. */
OPAQUE static void registers(int value)
{
    double da = three * 1.5, db = three * 2.5, dc = three * 3.5, dd = three * 4.5, de = three * 5.5, df = three * 6.5;
    double dg = three * 7.5, dh = three * 8.5, di = three * 9.5, dj = three * 10.5;
    long la = three * 11, lb = three * 12, lc = three * 13, ld = three * 14, le = three * 15, lf = three * 16;
    long lg = three * 17, lh = three * 18, li = three * 19, lj = three * 20, lk = three * 21, ll = three * 22;
    int returned = setjmp(place);
    if (!returned)
        deep(20, value);
    name_1("setjmp/value", (unsigned)value);
    put_i32(returned);
    end();
    name_1("setjmp/doubles", (unsigned)value);
    put_f64(da + db * 2 + dc * 4 + dd * 8 + de * 16 + df * 32 + dg * 64 + dh * 128 + di * 256 + dj * 512);
    end();
    name_1("setjmp/longs", (unsigned)value);
    put_i64(la + lb * 2 + lc * 4 + ld * 8 + le * 16 + lf * 32 + lg * 64 + lh * 128 + li * 256 + lj * 512 + lk * 1024 +
            ll * 2048);
    end();
}

static int blocked(void)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    return sigismember(&mask, SIGUSR1);
}

static void handler(int number)
{
    siglongjmp(signal_place, number == SIGUSR1 ? 7 : 8);
}

/* With and without the mask: the handler runs with its signal blocked. */
OPAQUE static void masks(int save)
{
    int returned = sigsetjmp(signal_place, save);
    if (!returned) {
        raise(SIGUSR1);
        abort();
    }
    name_1("setjmp/signal/value", (unsigned)save);
    put_i32(returned);
    end();
    name_1("setjmp/signal/blocked", (unsigned)save);
    put_i32(blocked());
    end();
    sigset_t mask;
    sigemptyset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Many jumps to one place, forward by a counter in memory. */
OPAQUE static void often(void)
{
    volatile int count = 0;
    int returned = _setjmp(place);
    count += returned ? returned : 1;
    if (count < 1000)
        _longjmp(place, count % 5 + 1);
    line("setjmp/often", count);
}

int main(void)
{
    registers(1);
    registers(0);
    registers(12345);
    signal(SIGUSR1, handler);
    masks(1);
    masks(0);
    often();
    return 0;
}
