#include "lines.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_some(struct lines *lines)
{
	char *to = lines->data + lines->end;
	size_t room = sizeof(lines->data) - lines->end;
	ssize_t n;

	if (room == 0)
		return -EMSGSIZE;
	if (lines->terminal != NULL)
		return terminal_read(lines->terminal, to, room);
	n = read(STDIN_FILENO, to, room);
	return n < 0 ? -errno : n;
}

int lines_read(struct lines *lines)
{
	ssize_t n;

	lines->end -= lines->start;
	memmove(lines->data, lines->data + lines->start, lines->end);
	lines->start = 0;
	n = read_some(lines);
	if (n > 0)
		lines->end += (size_t)n;
	lines->ended = n == 0;
	return n == -EAGAIN || n == -EINTR || n >= 0 ? 0 : (int)n;
}

char *lines_next(struct lines *lines, size_t *size)
{
	char *line = lines->data + lines->start;
	size_t left = lines->end - lines->start;
	char *newline = memchr(line, '\n', left);

	if (newline == NULL && (left == 0 || !lines->ended))
		return NULL;
	*size = newline != NULL ? (size_t)(newline - line) : left;
	lines->start += newline != NULL ? *size + 1 : left;
	return line;
}
