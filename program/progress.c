#include "progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LARGE (100UL * 1024) /* bytes */

void progress_start(struct progress *progress, uint64_t total)
{
	bool wanted = total >= LARGE && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);

	*progress = (struct progress){.total = wanted ? total : 0, .percent = -1};
}

void progress_show(struct progress *progress, uint64_t done)
{
	int percent;

	if (progress->total == 0)
		return;
	percent = (int)(100.0 * (double)done / (double)progress->total);
	if (percent == progress->percent)
		return;
	fprintf(stderr, "\r%3d%% of %" PRIu64 " bytes", percent, progress->total);
	progress->percent = percent;
	progress->shown = true;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r\033[K");
	progress->shown = false;
}
