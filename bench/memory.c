#include "memory.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The number behind "NAME:" in a file of /proc/PID. */
static int read_field(int pid, const char *file, const char *name, long *value)
{
	char path[64], line[256];
	size_t length = strlen(name);
	int rc = -ENOENT;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	in = fopen(path, "re");
	if (in == NULL)
		return -errno;
	while (rc < 0 && fgets(line, sizeof(line), in) != NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ':' &&
			sscanf(line + length + 1, "%ld", value) == 1)
			rc = 0;
	fclose(in);
	return rc;
}

static int add_process(int pid, struct memory *memory)
{
	struct {
		const char *file, *name;
		long *sum;
	} fields[] = {
		{"status", "VmRSS", &memory->resident},
		{"smaps_rollup", "Pss", &memory->proportional},
		{"status", "VmPTE", &memory->page_tables},
		{"status", "Threads", &memory->threads},
	};
	long value;
	int rc;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		rc = read_field(pid, fields[i].file, fields[i].name, &value);
		if (rc < 0)
			return rc;
		*fields[i].sum += value;
	}
	memory->processes++;
	return 0;
}

/* Those of its first thread: the servers that fork do it there. One that ends meanwhile counts no
 * more. */
static void add_children(int pid, struct memory *memory)
{
	char path[64];
	FILE *in;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	in = fopen(path, "re");
	if (in == NULL)
		return;
	while (fscanf(in, "%d", &child) == 1)
		(void)add_process(child, memory);
	fclose(in);
}

int memory_of(int pid, struct memory *memory)
{
	int rc;

	*memory = (struct memory){0};
	rc = add_process(pid, memory);
	if (rc == 0)
		add_children(pid, memory);
	return rc;
}
