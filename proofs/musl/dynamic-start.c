// The dynamic linker gets as far as the program. On s390x clang built it with a jump through %r0, which does not jump.
//@ link: dynamic
int main(void)
{
	return 0;
}
