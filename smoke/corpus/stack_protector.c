/* A child smashes its stack, so that it would return to `landed`. The guard must be seen before. */
#include "corpus.h"

#include <sys/wait.h>

#if !defined __SSP_STRONG__
#error compile with -fstack-protector-strong
#endif

OPAQUE static void landed(void)
{
    _exit(7);
}

/* Not known to the compiler: how far the array is overrun. */
static volatile unsigned words;

OPAQUE static void fill(void *array)
{
    for (unsigned i = 0; i < words; i++)
        ((void (*volatile *)(void))array)[i] = landed;
}

OPAQUE static void vulnerable(void)
{
    void *array[4];
    fill(array);
}

/* How a child ends that overruns an array of four words by some: 0 if well, 1 if by a signal, and else its status. */
static int child(unsigned more)
{
    words = 4 + more;
    pid_t id = fork();
    if (id == 0) {
        const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGTRAP};
        for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
            signal(fatal[i], SIG_DFL);
        vulnerable();
        _exit(0);
    }
    int status;
    if (id < 0 || waitpid(id, &status, 0) != id)
        return -1;
    return WIFSIGNALED(status) ? 1 : WEXITSTATUS(status);
}

int main(void)
{
    line("stack/within", child(0));
    line("stack/smashed", child(40));
    return 0;
}
