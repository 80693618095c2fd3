// EUC-KR's codes behind the last one, c652, are invalid; up to it, they are what they were.
//@ link: dynamic static
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	static const struct {
		char code[3];
		const char *utf8; /* null for an invalid code */
	} tests[] = {
		{"\xc6\x52", "\xed\x9e\xa3"},
		{"\xc6\x53", 0},
		{"\xc7\x41", 0},
		{"\xc8\x41", 0},
		{"\xc8\xa1", "\xed\x98\xa4"},
		{"\xdd\x52", 0},
	};
	int i, wrong = 0;
	iconv_t cd = iconv_open("UTF-8", "EUC-KR");
	if (cd == (iconv_t)-1) {
		puts("no EUC-KR");
		return 1;
	}
	for (i = 0; i < sizeof tests / sizeof *tests; i++) {
		char text[16] = {0}, *in = (char *)tests[i].code, *out = text + 4;
		size_t left = 2, room = 8;
		size_t r = iconv(cd, &in, &left, &out, &room);
		if (tests[i].utf8 ? !r && !strcmp(text + 4, tests[i].utf8) : r == -1 && errno == EILSEQ && room == 8) continue;
		const unsigned char *c = (void *)tests[i].code;
		printf("%02x%02x: %s, output moved by %d\n", c[0], c[1], r ? strerror(errno) : "decoded", (int)(out - text) - 4);
		wrong = 1;
	}
	return wrong;
}
