/* Preloaded into the stock compiler for a target whose spec is a file. Such a spec requires an unstable option, which
   RUSTC_BOOTSTRAP=1 permits. The compiler asks for that variable several times: first when it checks its command line,
   then when it decides how stable it is. Only the first time, the answer is 1. So the compiler takes the spec and stays
   a stable compiler. */

extern char **environ;

int strncmp(const char *, const char *, unsigned long);
char *strchr(const char *, int);
unsigned long strlen(const char *);
void *memmove(void *, const void *, unsigned long);
int unsetenv(const char *);
int close(int);

char *getenv(const char *name)
{
    static int asked;
    unsigned long length = strlen(name);
    if (strncmp(name, "RUSTC_BOOTSTRAP", sizeof "RUSTC_BOOTSTRAP") == 0 && !asked++)
        return "1";
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return 0;
}

/* What the compiler starts gets LD_PRELOAD as the user has it. The script puts this library in front, as a path or as an
   open file. */
__attribute__((constructor)) static void restore(void)
{
    static const char open_file[] = "/proc/self/fd/";
    char *value = getenv("LD_PRELOAD");
    char *rest = value ? strchr(value, ':') : 0;
    if (value && strncmp(value, open_file, sizeof open_file - 1) == 0)
        close(value[sizeof open_file - 1] - '0');
    if (rest)
        memmove(value, rest + 1, strlen(rest));
    else
        unsetenv("LD_PRELOAD");
}
