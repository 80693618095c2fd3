#ifndef __FLT16_MANT_DIG__
#error no binary16
#endif

_Float16 sum(_Float16 a, float b)
{
    return a + (_Float16)b;
}
