/* The conversions, which not every back end of clang can select. */
#if __LDBL_MANT_DIG__ == 113
typedef long double f128;
#else
typedef __float128 f128;
#endif

__bf16 narrow(f128 value)
{
    return (__bf16)value;
}

f128 widen(__bf16 value)
{
    return (f128)value;
}
