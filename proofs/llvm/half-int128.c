// Halves and 128-bit integers convert into each other.
//@ link: dynamic static
#include <stdio.h>

#ifdef __FLT16_MANT_DIG__
static volatile __int128 wide;
static volatile unsigned __int128 uwide;
static volatile _Float16 half;

static int failed;

static void check(const char *what, double got, double expected)
{
	if (got != expected) {
		printf("%s gives %g, not %g\n", what, got, expected);
		failed = 1;
	}
}

int main(void)
{
	/* 2049 is halfway between 2048 and 2050, 2051 between 2050 and 2052: to even. */
	const struct {
		int from;
		double to;
	} rounded[] = {{0, 0}, {1, 1}, {2049, 2048}, {2051, 2052}, {65504, 65504}, {65519, 65504}, {65520, __builtin_inf()}};
	for (unsigned i = 0; i < sizeof rounded / sizeof *rounded; i++) {
		wide = rounded[i].from;
		half = (_Float16)wide;
		check("to half", (double)half, rounded[i].to);
		wide = -wide;
		half = (_Float16)wide;
		check("the negative to half", (double)half, -rounded[i].to);
		uwide = (unsigned)rounded[i].from;
		half = (_Float16)uwide;
		check("the unsigned to half", (double)half, rounded[i].to);
	}
	wide = (__int128)1 << 100;
	half = (_Float16)wide;
	check("2^100 to half", (double)half, __builtin_inf());
	wide = -wide - 1;
	half = (_Float16)wide;
	check("-2^100 - 1 to half", (double)half, -__builtin_inf());
	uwide = ~(unsigned __int128)0;
	half = (_Float16)uwide;
	check("2^128 - 1 to half", (double)half, __builtin_inf());

	half = (_Float16)-1234.5;
	wide = (__int128)half;
	check("to integer", (double)wide, -1234);
	half = (_Float16)65504;
	wide = (__int128)half;
	check("the greatest to integer", (double)wide, 65504);
	uwide = (unsigned __int128)half;
	check("the greatest to unsigned", (double)uwide, 65504);
	half = (_Float16)0.75;
	uwide = (unsigned __int128)half;
	check("a fraction to unsigned", (double)uwide, 0);
	return failed;
}
#else
int main(void)
{
	return 0;
}
#endif
