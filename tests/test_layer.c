/* layer.h: the chain, who answers first, and what super finds. */
#include "support.h"

#include <string.h>
#include <unistd.h>

#define METHODS 14

/* A class that overrides every method, notes that it was called, and calls super. */
struct noting {
	struct ssv_layer layer;
	char name;
};

static char calls[64];

static void note(struct ssv_layer *layer)
{
	size_t n = strlen(calls);

	if (n + 1 < sizeof(calls))
		calls[n] = ssv_container_of(layer, struct noting, layer)->name;
}

#define NOTING(method)                                                                             \
	static int note_##method(struct ssv_layer *layer)                                          \
	{                                                                                          \
		note(layer);                                                                       \
		return ssv_super_##method(layer);                                                  \
	}
#define NOTING_REQUEST(method)                                                                     \
	static int note_##method(struct ssv_layer *layer, struct ssv_request *request)             \
	{                                                                                          \
		note(layer);                                                                       \
		return ssv_super_##method(layer, request);                                         \
	}
#define NOTING_VOID(method)                                                                        \
	static void note_##method(struct ssv_layer *layer, struct ssv_request *request)            \
	{                                                                                          \
		note(layer);                                                                       \
		ssv_super_##method(layer, request);                                                \
	}

NOTING(bind)
NOTING(activate)
NOTING(close)
NOTING(fileno)
NOTING(serve_forever)
NOTING(service_actions)
NOTING(handle_timeout)
NOTING_REQUEST(get_request)
NOTING_REQUEST(verify_request)
NOTING_REQUEST(process_request)
NOTING_REQUEST(finish_request)
NOTING_VOID(shutdown_request)
NOTING_VOID(close_request)

static void note_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	note(layer);
	ssv_super_handle_error(layer, request, error);
}

static const struct ssv_layer_ops noting_ops = {
	.bind = note_bind,
	.activate = note_activate,
	.close = note_close,
	.fileno = note_fileno,
	.serve_forever = note_serve_forever,
	.service_actions = note_service_actions,
	.handle_timeout = note_handle_timeout,
	.get_request = note_get_request,
	.verify_request = note_verify_request,
	.process_request = note_process_request,
	.finish_request = note_finish_request,
	.shutdown_request = note_shutdown_request,
	.close_request = note_close_request,
	.handle_error = note_handle_error,
};

static const struct ssv_layer_ops nothing_ops = {0};

/* The base's methods, each through the server's entry point. */
static void call(struct ssv_server *server, struct ssv_request *request, int method)
{
	switch (method) {
	case 0:
		ck_assert_int_eq(ssv_server_bind(server), 0);
		break;
	case 1:
		ck_assert_int_eq(ssv_server_bind(server), 0);
		memset(calls, 0, sizeof(calls));
		ck_assert_int_eq(ssv_super_activate(&server->mro), 0);
		break;
	case 2:
		ck_assert_int_eq(ssv_server_close(server), 0);
		break;
	case 3:
		ck_assert_int_eq(ssv_server_fileno(server), -1);
		break;
	case 4:
		ck_assert_int_eq(ssv_server_serve_forever(server), -EBADF);
		break;
	case 5:
		ck_assert_int_eq(ssv_server_service_actions(server), 0);
		break;
	case 6:
		ck_assert_int_eq(ssv_server_handle_timeout(server), 0);
		break;
	case 7:
		ck_assert_int_eq(ssv_server_get_request(server, request), -EBADF);
		break;
	case 8:
		ck_assert_int_eq(ssv_server_verify_request(server, request), 1);
		break;
	case 9:
		ck_assert_int_eq(ssv_super_process_request(&server->mro, request), -ESTALE);
		break;
	case 10:
		ck_assert_int_eq(ssv_server_finish_request(server, request), -ESTALE);
		break;
	case 11:
		ssv_super_shutdown_request(&server->mro, request);
		break;
	case 12:
		ssv_server_close_request(server, request);
		break;
	default:
		ssv_server_handle_error(server, request, -EPIPE);
		break;
	}
}

static int stale(struct ssv_handler *handler)
{
	(void)handler;
	return -ESTALE;
}

static const struct ssv_handler_ops stale_handler = {.handle = stale};

START_TEST(the_newest_layer_answers_first_and_super_is_the_next_that_has_it)
{
	struct ssv_address at = address_of(ANYWHERE);
	struct ssv_tcp_server tcp;
	struct noting older = {.name = 'o'}, newer = {.name = 'n'};
	struct ssv_layer silent;
	struct ssv_request request;
	int pair[2];

	ssv_tcp_server_init(&tcp, &at, &stale_handler);
	ssv_server_link(&tcp.base, &older.layer, &noting_ops);
	ssv_server_link(&tcp.base, &silent, &nothing_ops);
	ssv_server_link(&tcp.base, &newer.layer, &noting_ops);
	ssv_request_init(&request, &tcp.base);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ssv_request_open(&request, pair[0], SSV_UNIX, NULL, 0);
	request.stage = "test";
	memset(calls, 0, sizeof(calls));

	call(&tcp.base, &request, _i);
	ck_assert_int_eq(strncmp(calls, "no", 2), 0);

	ssv_request_free(&request);
	ck_assert_int_eq(ssv_server_close(&tcp.base), 0);
	close(pair[1]);
}
END_TEST

START_TEST(layers_are_in_the_chain_newest_first_and_the_base_is_last)
{
	struct ssv_address at = address_of(ANYWHERE);
	struct ssv_tcp_server tcp;
	struct noting mixin;

	ssv_tcp_server_init(&tcp, &at, &stale_handler);
	ssv_server_link(&tcp.base, &mixin.layer, &noting_ops);
	ck_assert_ptr_eq(tcp.base.mro.next, &mixin.layer);
	ck_assert_ptr_eq(mixin.layer.next, &tcp.layer);
	ck_assert_ptr_eq(tcp.layer.next, &tcp.base.layer);
	ck_assert_ptr_null(tcp.base.layer.next);
	ck_assert_ptr_eq(mixin.layer.server, &tcp.base);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layer");
	TCase *tcase = topic(suite, "layer");

	tcase_add_loop_test(tcase, the_newest_layer_answers_first_and_super_is_the_next_that_has_it,
		0, METHODS);
	tcase_add_test(tcase, layers_are_in_the_chain_newest_first_and_the_base_is_last);
	return run_suite(suite);
}
