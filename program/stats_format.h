/** A snapshot as text, JSON, or in Prometheus' format: docs/seeing-inside.md says what each has. */
#ifndef PROGRAM_STATS_FORMAT_H
#define PROGRAM_STATS_FORMAT_H

#include "snapshot.h"
#include <stdio.h>

/** The process, whatever its servers are doing. */
struct stats_process {
	const char *handler;
	double started; /**< when, in seconds since 1970 */
	double up;      /**< for how long, in seconds */
};

struct stats_format {
	const char *name; /**< what is asked for, in a line */
	const char *path; /**< and over HTTP */
	const char *type; /**< as HTTP calls it */
	bool connections; /**< it lists them */
	void (*write)(
		FILE *to, const struct stats_process *process, const struct snapshot *snapshot);
};

/** Ended by one without a name. */
extern const struct stats_format stats_formats[];

#endif
