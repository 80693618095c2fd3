// GB 18030's codes of four bytes are decoded in reasonable time, each to the character that it stands for.
//@ link: dynamic static
#include <errno.h>
#include <iconv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static iconv_t cd;

static void late(int sig)
{
	static const char text[] = "5000 characters took more than 10 seconds\n";
	write(1, text, sizeof text - 1);
	_exit(1);
}

/* The character, or -1 for an invalid code. */
static long decode(const char *code)
{
	char *in = (char *)code;
	size_t left = 4, room = sizeof(wchar_t);
	wchar_t wc = 0;
	char *out = (char *)&wc;
	errno = 0;
	if (iconv(cd, &in, &left, &out, &room) == -1) return errno == EILSEQ ? -1 : -errno;
	return wc;
}

int main(void)
{
	static const struct {
		char code[5];
		long wc;
	} tests[] = {
		{"\x81\x30\x81\x30", 0x80},
		{"\x81\x39\x8b\x32", 0x2f00},
		{"\x82\x35\x8f\x32", 0x4dff},
		{"\x82\x35\x8f\x33", 0x9fa6},
		{"\x83\x36\xc7\x38", 0xd7ff},
		{"\x83\x36\xd0\x30", 0xe865},
		{"\x84\x31\xa4\x39", 0xffff},
		{"\x84\x31\xa5\x30", -1},
		{"\x90\x30\x81\x30", 0x10000},
		{"\xe3\x32\x9a\x35", 0x10ffff},
		{"\xe3\x32\x9a\x36", -1},
		{"\x81\x30\xff\x30", -1},
	};
	int i, wrong = 0;
	if ((cd = iconv_open("WCHAR_T", "GB18030")) == (iconv_t)-1) {
		puts("no GB18030");
		return 1;
	}
	signal(SIGALRM, late);
	alarm(10);
	for (i = 0; i < 5000; i++) decode("\x82\x35\x8f\x33");
	alarm(0);
	for (i = 0; i < sizeof tests / sizeof *tests; i++) {
		long wc = decode(tests[i].code);
		if (wc == tests[i].wc) continue;
		const unsigned char *c = (void *)tests[i].code;
		printf("%02x%02x%02x%02x is %lx, not %lx\n", c[0], c[1], c[2], c[3], tests[i].wc, wc);
		wrong = 1;
	}
	return wrong;
}
