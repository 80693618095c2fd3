// strptime's %Z works before tzset, and takes no more of the text than a name.
//@ link: dynamic static
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int wrong;

static void parse(const char *text, int taken, int dst)
{
	struct tm tm = {.tm_isdst = -1};
	char *end = strptime(text, "%Z", &tm);
	int n = end ? end - text : -1;
	if (n == taken && tm.tm_isdst == dst) return;
	printf("\"%s\": %d characters taken, not %d; tm_isdst is %d, not %d\n", text, n, taken, tm.tm_isdst, dst);
	wrong = 1;
}

int main(void)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	parse("XYZ 1", 3, -1);
	tzset();
	parse("CET", 3, 0);
	parse("CEST 1", 4, 1);
	parse("XYZ 1", 3, -1);
	parse("XYZ", 3, -1);
	return wrong;
}
