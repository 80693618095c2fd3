// qsort of arrays whose heap is two trees at least a word's bits apart in order, which 32-bit processors have memory for.
//@ link: dynamic static
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	return *(const unsigned char *)a - *(const unsigned char *)b;
}

/* A tree of this order has as many elements as the Leonardo number; one more makes a tree of order 1. */
static int sorts(int order)
{
	size_t a = 1, b = 1, c, n, i;
	for (i = 1; i < order; i++) c = a + b + 1, a = b, b = c;
	n = b + 1;
	unsigned char *all = malloc(n);
	if (!all) {
		puts("no memory");
		return 0;
	}
	/* in order but for the last, which has to travel from tree to tree */
	for (i = 0; i < n - 1; i++) all[i] = 1 + i / (n / 250);
	all[n - 1] = 0;
	qsort(all, n, 1, compare);
	for (i = 1; i < n && all[i - 1] <= all[i]; i++);
	if (i < n) printf("order %d: element %zu is %d, the one before it %d\n", order, i, all[i], all[i - 1]);
	free(all);
	return i == n;
}

int main(void)
{
	alarm(50);
	return !(sorts(33) & sorts(34));
}
