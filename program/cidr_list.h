/** An option that may be given again and again: blocks of addresses. */
#ifndef PROGRAM_CIDR_LIST_H
#define PROGRAM_CIDR_LIST_H

#include "options.h"
#include <socketserver/cidr.h>

#define CIDR_LIST_MAX 256

struct cidr_list {
	struct ssv_cidr blocks[CIDR_LIST_MAX];
	size_t count;
};

/** For an option's `set`: adds a block to a struct cidr_list. */
int cidr_list_option(const struct option_spec *spec, void *at, const char *value);

#endif
