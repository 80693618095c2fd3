// A static-pie that does not bring in __cxa_finalize ends by its own will.
//@ link: static
//@ flags: -fPIE -static-pie
int main(void)
{
	return 0;
}
