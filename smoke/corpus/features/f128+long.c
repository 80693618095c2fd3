#if __LDBL_MANT_DIG__ != 113
#error long double is not binary128
#endif
