#if __LDBL_MANT_DIG__ == 113
typedef long double f128;
#elif defined __SIZEOF_FLOAT128__
typedef __float128 f128;
#else
#error no binary128
#endif

f128 quotient(f128 a, f128 b)
{
    return a / b;
}
