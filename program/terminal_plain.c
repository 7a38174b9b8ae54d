/* Without libedit: the kernel edits the line, and there is no prompt. */
#include "terminal.h"
#include <errno.h>
#include <unistd.h>

struct terminal *terminal_open(void)
{
	return NULL;
}

void terminal_close(struct terminal *terminal)
{
	(void)terminal;
}

int terminal_descriptor(const struct terminal *terminal)
{
	(void)terminal;
	return STDIN_FILENO;
}

bool terminal_follows(const struct terminal *terminal)
{
	(void)terminal;
	return false;
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
