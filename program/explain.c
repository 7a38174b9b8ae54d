#include "explain.h"
#include "complain.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which addresses an explanation is for. */
enum scope { ANY, INTERNET, LOCAL };

struct explanation {
	int error;
	enum scope scope;
	const char *what, *remedy;
	bool then_command; /* the remedy ends with a handler and the address */
};

static const struct explanation listening[] = {
	{EADDRINUSE, INTERNET, "address in use",
		"another process listens there; stop it, or try port 0 for a free one", false},
	{EADDRINUSE, LOCAL, "address in use",
		"another process listens there; stop it, or take another path", false},
	{EEXIST, LOCAL, "no socket", "another file is in the way; remove it, or take another path",
		false},
	{EACCES, INTERNET, "permission denied",
		"ports below 1024 are for root; take one from 1024 on", false},
	{EACCES, LOCAL, "permission denied", "take a path in a directory that you may write to",
		false},
	{EADDRNOTAVAIL, ANY, "not an address of this host",
		"take 127.0.0.1, or one of those that `ip address` shows", false},
	{ENOENT, LOCAL, "no such directory", "make it first, or take another path", false},
	{0},
};

static const struct explanation connecting[] = {
	{ECONNREFUSED, ANY, "nobody listens", "start a server with: socketserver serve ", true},
	{ENOENT, LOCAL, "nobody listens", "start a server with: socketserver serve ", true},
	{EACCES, LOCAL, "permission denied", "ask the owner of that socket for write permission",
		false},
	{ETIMEDOUT, ANY, "no answer in time",
		"check the address and the firewalls on the way, or wait longer with --timeout",
		false},
	{ECONNRESET, ANY, "connection reset",
		"the server broke it off; its own messages may say why", false},
	{EPIPE, ANY, "connection reset", "the server broke it off; its own messages may say why",
		false},
	{EPROTOTYPE, LOCAL, "another kind of socket",
		"unix: and unixgram: are not the same; try the other", false},
	{EADDRNOTAVAIL, ANY, "no way to connect", "check the address; port 0 is only for servers",
		false},
	{EMSGSIZE, ANY, "datagram too large", "send less at once", false},
	{0},
};

static const struct explanation both[] = {
	{ENXIO, ANY, "name cannot be resolved", "check the spelling, or use a numeric address",
		false},
	{EAFNOSUPPORT, ANY, "address family not supported",
		"this host lacks it; try an IPv4 address, such as 127.0.0.1", false},
	{ENETUNREACH, ANY, "network unreachable", "check the address and this host's routes",
		false},
	{EHOSTUNREACH, ANY, "host unreachable", "check the address, and that the host is up",
		false},
	{EINVAL, INTERNET, "address cannot be used",
		"a link-local address needs its interface, as in [fe80::1%eth0]", false},
	{EMFILE, ANY, "too many open files", "raise the limit with ulimit -n", false},
	{ENOMEM, ANY, "no memory", "close some programs, or raise the limit with ulimit -v", false},
	{ENFILE, ANY, "too many open files", "close some programs: the whole system is out of them",
		false},
	{0},
};

static bool is_for(const struct explanation *explanation, int error, enum scope scope)
{
	return explanation->error == -error &&
	       (explanation->scope == ANY || explanation->scope == scope);
}

static const struct explanation *find(const struct explanation *table, int error, enum scope scope)
{
	for (; table->what != NULL; table++)
		if (is_for(table, error, scope))
			return table;
	return NULL;
}

static int explain(const struct explanation *table, int error, const char *what,
	const struct ssv_address *at, const char *handler)
{
	bool internet = at->transport == SSV_TCP || at->transport == SSV_UDP;
	enum scope scope = internet ? INTERNET : LOCAL;
	const struct explanation *found = find(table, error, scope);
	char text[SSV_ADDRESS_TEXT_SIZE];

	ssv_address_format(at, text);
	if (found == NULL)
		found = find(both, error, scope);
	if (found == NULL)
		complain("%s: %s%s: check the address", strerror(-error), what, text);
	else if (found->then_command)
		complain(
			"%s: %s%s: %s%s %s", found->what, what, text, found->remedy, handler, text);
	else
		complain("%s: %s%s: %s", found->what, what, text, found->remedy);
	return EXIT_FAILURE;
}

int explain_listen(int error, const char *what, const struct ssv_address *at)
{
	return explain(listening, error, what, at, NULL);
}

int explain_served(const char *what, const struct ssv_address *at)
{
	char text[SSV_ADDRESS_TEXT_SIZE];

	complain("address in use: %s%s: it is served already; take another one", what,
		ssv_address_format(at, text));
	return EXIT_FAILURE;
}

int explain_connect(int error, const struct ssv_address *at, const char *handler)
{
	return explain(connecting, error, "", at, handler);
}

int explain_output(int error)
{
	complain("cannot write: standard output: %s: send it where there is room for it",
		strerror(-error));
	return EXIT_FAILURE;
}
