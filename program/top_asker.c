#include "top_asker.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Here it stays, for a thread that nobody waits for. */
static struct {
	const char *address;
	int timeout;
	pthread_t thread;
	int answered; /* an eventfd */
	struct top_report report;
	int rc;
} question;

static void *ask(void *unused)
{
	(void)unused;
	question.rc = top_report_get(&question.report, question.address, question.timeout);
	eventfd_write(question.answered, 1);
	return NULL;
}

/* Signals are the terminal's affair, on the thread that has it. */
static int start_thread(void)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&question.thread, NULL, ask, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int top_asker_begin(const char *address, int timeout)
{
	int rc;

	question.address = address;
	question.timeout = timeout;
	question.answered = eventfd(0, EFD_CLOEXEC);
	if (question.answered < 0)
		return -errno;
	rc = start_thread();
	if (rc < 0)
		close(question.answered);
	return rc;
}

int top_asker_fd(void)
{
	return question.answered;
}

int top_asker_finish(struct top_report *report)
{
	pthread_join(question.thread, NULL);
	close(question.answered);
	*report = question.report;
	return question.rc;
}

void top_asker_abandon(void)
{
	pthread_detach(question.thread);
}
