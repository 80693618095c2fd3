/* Thread-locals in every model. In the dynamic mode, lib*.c is a shared library that the program needs, and plugin.c one
 * that it opens; in the static mode, both are parts of the program. */
#ifndef TLS_H
#define TLS_H

#define MODEL(name) __attribute__((tls_model(name)))

/* Of the needed library. */
extern __thread int general MODEL("global-dynamic");
extern __thread int initial MODEL("initial-exec");
extern __thread char tail[3];
int *general_in_library(void);
int *initial_in_library(void);
/* The sum of the library's own, which the program cannot see. */
int local_in_library(int add);

/* Of the opened library. */
int late(int add);
unsigned long long late_address(void);

#endif
