#if __LDBL_MANT_DIG__ != 64
#error no 80-bit extended format
#endif
