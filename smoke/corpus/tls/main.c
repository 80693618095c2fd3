#include "../corpus.h"
#include "tls.h"

#ifdef SHARED
#include <dlfcn.h>
#endif
#include <pthread.h>

static __thread int executable MODEL("local-exec") = 55;
static __thread int zero MODEL("local-exec");
static __thread struct {
    char bytes[100];
} aligned __attribute__((aligned(256)));
static __thread int dynamic MODEL("local-dynamic") = 66;
_Thread_local int general_here MODEL("global-dynamic") = 77;
_Thread_local int initial_here MODEL("initial-exec") = 88;

static int (*opened)(int);
static unsigned long long (*opened_address)(void);

static int open_late(void)
{
#ifdef SHARED
    void *library = dlopen("plugin.so", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return 0;
    opened = (int (*)(int))dlsym(library, "late");
    opened_address = (unsigned long long (*)(void))dlsym(library, "late_address");
#else
    opened = late;
    opened_address = late_address;
#endif
    return opened && opened_address;
}

/* Every variable's value, and then a change by which another thread would be seen. */
static void show(const char *thread, int add)
{
    struct {
        const char *name;
        int value;
    } values[] = {
        {"local-exec", executable},
        {"local-exec/zero", zero},
        {"local-dynamic", dynamic},
        {"global-dynamic", general_here},
        {"initial-exec", initial_here},
        {"library/global-dynamic", general},
        {"library/global-dynamic/inside", *general_in_library()},
        {"library/initial-exec", initial},
        {"library/initial-exec/inside", *initial_in_library()},
        {"library/local-dynamic", local_in_library(add)},
        {"library/tail", tail[0] + tail[1] * 10 + tail[2] * 100},
        {"aligned", (int)((uintptr_t)&aligned % 256) + aligned.bytes[99]},
        {"opened", opened(add)},
        {"opened/aligned", (int)(opened_address() % 64)},
    };
    executable += add;
    zero += add;
    dynamic += add;
    general_here += add;
    initial_here += add;
    general += add;
    initial += add;
    tail[2]++;
    aligned.bytes[99]++;
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        put_text("tls/");
        put_text(thread);
        put('/');
        line(values[i].name, values[i].value);
    }
}

static void *thread(void *name)
{
    show(name, 3);
    return NULL;
}

static void run(const char *name)
{
    pthread_t id;
    if (pthread_create(&id, NULL, thread, (void *)name) || pthread_join(id, NULL))
        abort();
}

/* This one runs from before the library is opened, and has no memory for it yet. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void *early(void *name)
{
    pthread_mutex_lock(&gate);
    show(name, 4);
    pthread_mutex_unlock(&gate);
    return NULL;
}

int main(void)
{
    pthread_t id;
    pthread_mutex_lock(&gate);
    if (pthread_create(&id, NULL, early, "early"))
        return 1;
    if (!open_late())
        return 2;
    show("main", 1);
    run("second");
    show("main/again", 2);
    run("third");
    pthread_mutex_unlock(&gate);
    pthread_join(id, NULL);
    return 0;
}
