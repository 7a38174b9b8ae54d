/** Numbers, as somebody types them for an option. */
#ifndef HANDLERS_NUMBER_H
#define HANDLERS_NUMBER_H

/** Returns 0; -EINVAL for what is no whole number, -ERANGE for one that is not in the range. */
int read_whole(const char *text, long low, long high, long *n);

/** The same for seconds, with a fraction or not, which become milliseconds, rounded up: a tenth of
 * one is not none. */
int read_seconds(const char *text, double low, double high, int *ms);

#endif
