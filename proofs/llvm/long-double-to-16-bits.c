// A long double that is not quite halfway between two halves, or two bfloats, is rounded to the nearer one.
//@ link: dynamic static
#include <float.h>
#include <stdio.h>

#if LDBL_MANT_DIG > 53 && (defined __SSE2__ || defined __riscv || defined __loongarch__)
static volatile long double wide;
static volatile _Float16 half;
static volatile __bf16 brain;
static int failed;

static void check(const char *what, double got, double expected)
{
	if (got != expected) {
		printf("%s gives %.10g, not %.10g\n", what, got, expected);
		failed = 1;
	}
}

int main(void)
{
	const long double least = LDBL_EPSILON;
	wide = 1 + 0x1p-11L;
	half = (_Float16)wide;
	check("halfway to half", (double)half, 1);
	wide = 1 + 0x1p-11L + least;
	half = (_Float16)wide;
	check("more than halfway to half", (double)half, 1 + 0x1p-10);
	wide = -1 - 0x3p-11L + least;
	half = (_Float16)wide;
	check("less than halfway to half", (double)half, -1 - 0x1p-10);
	wide = LDBL_MAX;
	half = (_Float16)wide;
	check("the greatest to half", (double)half, __builtin_inf());
	wide = LDBL_MIN;
	half = (_Float16)wide;
	check("the least to half", (double)half, 0);

	wide = 1 + 0x1p-8L;
	brain = (__bf16)wide;
	check("halfway to bfloat", (double)(float)brain, 1);
	wide = 1 + 0x1p-8L + least;
	brain = (__bf16)wide;
	check("more than halfway to bfloat", (double)(float)brain, 1 + 0x1p-7);
	wide = -1 - 0x3p-8L + least;
	brain = (__bf16)wide;
	check("less than halfway to bfloat", (double)(float)brain, -1 - 0x1p-7);
	wide = 0x1p-134L + 0x1p-180L;
	brain = (__bf16)wide;
	check("more than half of the least bfloat", (double)(float)brain, 0x1p-133);
	wide = -LDBL_MAX;
	brain = (__bf16)wide;
	check("the greatest to bfloat", (double)(float)brain, -__builtin_inf());
	return failed;
}
#else
int main(void)
{
	return 0;
}
#endif
