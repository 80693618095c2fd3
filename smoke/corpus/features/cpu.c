/* The features of the processor, as the compiler's runtime finds them. */
int supported(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse");
#elif defined __riscv
    return __builtin_cpu_supports("c");
#elif defined __aarch64__
    return __builtin_cpu_supports("fp");
#elif defined __powerpc64__
#error clang reads what glibc keeps beside the thread pointer
#else
    return __builtin_cpu_supports("none");
#endif
}
