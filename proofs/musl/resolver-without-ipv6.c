// Where the kernel has no IPv6, the resolver still asks the name server that has an IPv4 address. It is called below
// res_send, which takes the servers from /etc/resolv.conf, and with a socket() of ours, which lacks IPv6.
//@ link: static
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* as in musl's src/network/lookup.h */
struct address {
	int family;
	unsigned scopeid;
	uint8_t addr[16];
	int sortkey;
};
struct resolvconf {
	struct address ns[3];
	unsigned nns, attempts, ndots;
	unsigned timeout;
};
int __res_msend_rc(int, const unsigned char *const *, const int *, unsigned char *const *, int *, int, const struct resolvconf *);

static int asked;

int socket(int domain, int type, int protocol)
{
	if (domain == AF_INET6) errno = EAFNOSUPPORT;
	else asked = 1, errno = EACCES;
	return -1;
}

int main(void)
{
	struct resolvconf conf = {
		.ns = {{.family = AF_INET6}, {.family = AF_INET}, {.family = AF_INET6}},
		.nns = 2, .attempts = 1, .timeout = 1,
	};
	unsigned char query[17] = {0}, answer[512];
	__res_msend_rc(1, (const unsigned char *[]){query}, (int[]){17}, (unsigned char *[]){answer}, (int[]){0}, 512, &conf);
	if (!asked) puts("no socket for the IPv4 server");
	return !asked;
}
