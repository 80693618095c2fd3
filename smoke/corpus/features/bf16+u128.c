/* The conversions, which not every back end of clang can select. */
__bf16 to_float(unsigned __int128 value)
{
    return (__bf16)value;
}

unsigned __int128 to_integer(__bf16 value)
{
    return (unsigned __int128)value;
}
