// A static-pie that does not bring in __cxa_finalize ends by its own will, also without the option of our driver.
//@ link: static
//@ flags: -fPIE -static-pie -Wl,-z,nodynamic-undefined-weak
int main(void)
{
	return 0;
}
