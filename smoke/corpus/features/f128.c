#if __LDBL_MANT_DIG__ != 113 && !defined __SIZEOF_FLOAT128__
#error no binary128
#endif
