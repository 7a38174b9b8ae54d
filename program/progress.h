/** How much of something large has come, in one line on standard error that is written over. */
#ifndef PROGRAM_PROGRESS_H
#define PROGRAM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	uint64_t total;
	int percent; /* as shown */
	bool shown;
};

/** What is small has none; nor has anything where standard error is no terminal, or standard output
 * is one, which shows as much. */
void progress_start(struct progress *progress, uint64_t total);
void progress_show(struct progress *progress, uint64_t done);

/** Takes the line away. */
void progress_end(struct progress *progress);

#endif
