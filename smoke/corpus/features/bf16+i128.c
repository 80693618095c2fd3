/* The conversions, which not every back end of clang can select. */
__bf16 to_float(__int128 value)
{
    return (__bf16)value;
}

__int128 to_integer(__bf16 value)
{
    return (__int128)value;
}
