/* What -D_FORTIFY_SOURCE=2 replaces where a C library has checks. musl has none; all must compile and work. */
#include "corpus.h"

#include <stdio.h>
#include <wchar.h>

static volatile unsigned three = 3;

OPAQUE static void show(const char *name, const void *bytes, size_t size)
{
    put_text("fortify/");
    name_0(name);
    put_u64(hash_more(HASH_START, bytes, size));
    end();
}

int main(void)
{
    char buffer[64], other[64];
    memset(buffer, 0, sizeof buffer);
    memset(other, (int)three, sizeof other);
    memcpy(buffer, other, three * 4);
    show("memcpy", buffer, sizeof buffer);
    memmove(buffer + 1, buffer, three * 5);
    show("memmove", buffer, sizeof buffer);
    strcpy(other, "text");
    strcat(other, "more");
    show("strcpy", other, sizeof other);
    strncpy(buffer, other, three);
    strncat(buffer, other, three);
    show("strncpy", buffer, sizeof buffer);
    snprintf(buffer, sizeof buffer, "%u %s %.3f", three, other, three / 2.0);
    show("snprintf", buffer, strlen(buffer));
    sprintf(buffer, "%08x|%-5d|%+lld", three, (int)three, (long long)three << 40);
    show("sprintf", buffer, strlen(buffer));
    wchar_t wide[16];
    wmemset(wide, L'x', 16);
    wcscpy(wide, L"wide");
    line("fortify/wcscpy", (int)(wcslen(wide) + (size_t)wide[3]));
    int ends[2];
    if (pipe(ends) || write(ends[1], "piped", 5) != 5)
        return 1;
    memset(buffer, 0, sizeof buffer);
    line("fortify/read", (int)read(ends[0], buffer, three + 2));
    show("read/bytes", buffer, sizeof buffer);
    return 0;
}
