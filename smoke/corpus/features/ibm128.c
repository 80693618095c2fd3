/* No macro tells. */
__ibm128 quotient(__ibm128 a, __ibm128 b)
{
    return a / b;
}
