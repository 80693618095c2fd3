/* No macro tells. */
__ibm128 sum(__ibm128 a, __ibm128 b)
{
    return a + b;
}
