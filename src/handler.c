#include "request.h"

#include <errno.h>
#include <socketserver/server.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* An instance of so many bytes lies on the stack, in memory that is in use anyhow. */
#define SMALL 256

typedef int (*method)(struct ssv_handler *handler);

static int call(struct ssv_handler *handler, method run, const char *stage)
{
	const char *before = handler->request->stage;
	int rc;

	if (run == NULL)
		return 0;
	ssv_request_set_stage(handler->request, stage);
	rc = run(handler);
	if (rc >= 0) {
		ssv_request_set_stage(handler->request, before);
		return 0;
	}
	if (handler->result == 0)
		handler->result = rc;
	return rc;
}

/*
 * handle() and finish(), which runs in any case. Where both fail, neither hides the other: one is
 * told to handle_error() here, the other, SSV_EXIT before all, returned.
 */
static int handle_and_finish(struct ssv_handler *handler)
{
	int handled = call(handler, handler->ops->handle, "handle");
	int finished = call(handler, handler->ops->finish, "finish");
	bool exits = handled == SSV_EXIT;

	if (handled == 0 || finished == 0)
		return handled + finished;
	ssv_request_set_stage(handler->request, exits ? "finish" : "handle");
	ssv_server_handle_error(handler->server, handler->request, exits ? finished : handled);
	ssv_request_set_stage(handler->request, exits ? "handle" : "finish");
	return exits ? handled : finished;
}

static int run_all(struct ssv_handler *handler)
{
	int rc = call(handler, handler->ops->setup, "setup");

	return rc < 0 ? rc : handle_and_finish(handler);
}

int ssv_handler_reserve(const struct ssv_handler_ops *ops, struct ssv_request *request)
{
	void *larger;

	if (ops->size <= SMALL || request->instance_size >= ops->size)
		return 0;
	larger = realloc(request->instance, ops->size);
	if (larger == NULL)
		return -ENOMEM;
	request->instance = larger;
	request->instance_size = ops->size;
	return 0;
}

/* Zeroed, but for what is set here. */
static void begin(
	struct ssv_handler *handler, const struct ssv_handler_ops *ops, struct ssv_request *request)
{
	*handler = (struct ssv_handler){.ops = ops, .request = request, .server = request->server};
	if (ops->size > sizeof(*handler))
		memset(handler + 1, 0, ops->size - sizeof(*handler));
}

int ssv_handler_run(const struct ssv_handler_ops *ops, const struct ssv_handler_ops *base,
	struct ssv_request *request)
{
	int rc = ssv_handler_reserve(ops, request), finished;
	alignas(max_align_t) char small[SMALL];
	struct ssv_handler *handler = ops->size <= SMALL ? (void *)small : request->instance;

	if (rc < 0)
		return rc;
	begin(handler, ops, request);
	rc = call(handler, base->setup, "setup");
	if (rc < 0)
		return rc;
	rc = run_all(handler);
	if (request->stream == NULL)
		return rc; /* the handler has closed it */
	ssv_request_look_at_descriptor(request);
	finished = call(handler, base->finish, rc < 0 ? request->stage : "finish");
	return rc < 0 ? rc : finished;
}
