/* No macro tells whether there is arithmetic. */
__bf16 sum(__bf16 a, __bf16 b)
{
    return a + b;
}
