#include "cidr_list.h"
#include "complain.h"
#include <errno.h>

int cidr_list_option(const struct option_spec *spec, void *at, const char *value)
{
	struct cidr_list *list = at;
	const char *error;

	if (list->count == CIDR_LIST_MAX) {
		complain("too many: --%s %s: give %d at most", spec->name, value, CIDR_LIST_MAX);
		return -EINVAL;
	}
	if (ssv_cidr_parse(&list->blocks[list->count], value, &error) < 0) {
		complain("bad block of addresses: --%s %s: %s", spec->name, value, error);
		return -EINVAL;
	}
	list->count++;
	return 0;
}
