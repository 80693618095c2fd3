// Complex halves are multiplied and divided.
//@ link: dynamic static
#include <stdio.h>

#ifdef __FLT16_MANT_DIG__
static volatile _Complex _Float16 a, b, c;
static int failed;

static void set(volatile _Complex _Float16 *place, double real, double imaginary)
{
	__real__ *place = (_Float16)real;
	__imag__ *place = (_Float16)imaginary;
}

static void check(const char *what, double real, double imaginary)
{
	if ((double)__real__ c != real || (double)__imag__ c != imaginary) {
		printf("%s gives %g + %gi, not %g + %gi\n", what, (double)__real__ c, (double)__imag__ c, real, imaginary);
		failed = 1;
	}
}

int main(void)
{
	set(&a, 3, 4);
	set(&b, 1, -1);
	c = a * b;
	check("a product", 7, 1);
	c = a / b;
	check("a quotient", -0.5, 3.5);
	/* The squares of the parts are out of range. */
	set(&a, 40000, 40000);
	c = a / a;
	check("a quotient of great numbers", 1, 0);
	set(&a, __builtin_inf(), __builtin_nan(""));
	c = a * b;
	if (!__builtin_isinf((double)__real__ c) && !__builtin_isinf((double)__imag__ c)) {
		puts("an infinite factor gives a finite product");
		failed = 1;
	}
	return failed;
}
#else
int main(void)
{
	return 0;
}
#endif
