/** Tells a service manager how it goes, as sd_notify(3) does: datagrams to NOTIFY_SOCKET. */
#ifndef PROGRAM_NOTIFY_H
#define PROGRAM_NOTIFY_H

#include <socketserver/macros.h>

/** At the start: takes NOTIFY_SOCKET out of the environment, so that no child writes to it. */
void notify_open(void);

/** Sends lines such as "READY=1\nSTATUS=…". Nothing happens where nobody has asked, or nobody
 * listens. From any thread. */
void notify(const char *format, ...) SSV_PRINTF(1, 2);

/** What NOTIFY_SOCKET was, for a successor; or NULL. */
const char *notify_address(void);

#endif
