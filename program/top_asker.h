/** Asks a server's --stats on a thread of its own, so that who waits for the answer can wait for
 * keys, too, and need not wait to the end. One question at a time. */
#ifndef PROGRAM_TOP_ASKER_H
#define PROGRAM_TOP_ASKER_H

#include "top_report.h"

/** Returns 0 or a negative errno. The address has to stay. */
int top_asker_begin(const char *address, int timeout);

/** What to poll for the answer. */
int top_asker_fd(void);

/** The answer, once it is there; or waits for it. Returns what top_report_get() does. */
int top_asker_finish(struct top_report *report);

/** Instead: nobody wants it any more, and no other question comes. */
void top_asker_abandon(void);

#endif
