#ifndef __SIZEOF_INT128__
#error no 128-bit integers
#endif
