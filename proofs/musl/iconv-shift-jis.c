// Shift_JIS's codes outside the table are invalid; the last one inside is what it was.
//@ link: dynamic static
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

int main(void)
{
	static const struct {
		char code[3];
		wchar_t wc; /* 0 for an invalid code */
	} tests[] = {
		{"\x81\x40", 0x3000},
		{"\xea\xa4", 0x7199},
		{"\x81\x20", 0},
		{"\x81\xfd", 0},
		{"\x88\x20", 0},
		{"\x90\xff", 0},
		{"\xeb\x40", 0},
		{"\xec\x9f", 0},
		{"\xee\x40", 0},
		{"\xef\xef", 0},
	};
	int i, wrong = 0;
	iconv_t cd = iconv_open("WCHAR_T", "SHIFT_JIS");
	if (cd == (iconv_t)-1) {
		puts("no Shift_JIS");
		return 1;
	}
	for (i = 0; i < sizeof tests / sizeof *tests; i++) {
		wchar_t wc = 0;
		char *in = (char *)tests[i].code, *out = (char *)&wc;
		size_t left = 2, room = sizeof wc;
		size_t r = iconv(cd, &in, &left, &out, &room);
		if (tests[i].wc ? !r && wc == tests[i].wc : r == -1 && errno == EILSEQ) continue;
		const unsigned char *c = (void *)tests[i].code;
		if (r) printf("%02x%02x: %s\n", c[0], c[1], strerror(errno));
		else printf("%02x%02x: U+%X\n", c[0], c[1], (unsigned)wc);
		wrong = 1;
	}
	return wrong;
}
