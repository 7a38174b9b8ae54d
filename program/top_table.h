/** What `top` shows: a report as a table. */
#ifndef PROGRAM_TOP_TABLE_H
#define PROGRAM_TOP_TABLE_H

#include "top_report.h"
#include <stdio.h>

/** Where lines go, and how many; what does not fit is left out. */
struct top_page {
	FILE *to;
	int columns, rows; /**< 0: any number */
	const char *end;   /**< of a line */

	/* private */
	int used;
};

/**
 * Rates are since `before`; unknown where that is NULL, or of another process. `title` is the first
 * line's beginning.
 */
void top_table_draw(struct top_page *page, const char *title, const struct top_report *report,
	const struct top_report *before);

#endif
