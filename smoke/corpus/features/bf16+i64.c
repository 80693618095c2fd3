/* The conversions, which not every back end of clang can select. */
__bf16 to_float(long long value)
{
    return (__bf16)value;
}

long long to_integer(__bf16 value)
{
    return (long long)value;
}
