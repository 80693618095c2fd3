#ifndef __FLT16_MANT_DIG__
#error no binary16
#endif
