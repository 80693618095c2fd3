// The builtins have __clear_cache, after which the processor runs what was written, not what was there before.
//@ link: dynamic static
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void __clear_cache(void *, void *);

int main(void)
{
	uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED) {
		puts("no memory for code");
		return 1;
	}
	for (int i = 0; i < 1000; i++) {
		uint32_t text[] = {0x513 + ((uint32_t)i << 20), 0x8067}; /* li a0, i; ret */
		memcpy(code, text, sizeof text);
		__clear_cache(code, code + 2);
		int got = ((int (*)(void))code)();
		if (got != i) {
			printf("the code gives %d, not %d\n", got, i);
			return 1;
		}
	}
	return 0;
}
