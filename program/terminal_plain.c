/* Without libedit: the kernel edits the line, and there is no prompt. */
#include "terminal.h"
#include <errno.h>

struct terminal *terminal_open(void)
{
	return NULL;
}

void terminal_close(struct terminal *terminal)
{
	(void)terminal;
}

void terminal_show(struct terminal *terminal)
{
	(void)terminal;
}

void terminal_hide(struct terminal *terminal)
{
	(void)terminal;
}

ssize_t terminal_read(struct terminal *terminal, char *line, size_t size)
{
	(void)terminal;
	(void)line;
	(void)size;
	return -ENOSYS;
}
