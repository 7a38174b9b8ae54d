#include <socketserver/layer.h>
#include <stddef.h>

/* BaseServer's table is the last and has them all, so that the search always ends. */
#define NEXT_WITH(layer, method)                                                                   \
	do                                                                                         \
		(layer) = (layer)->next;                                                           \
	while ((layer)->ops->method == NULL)

int ssv_super_bind(struct ssv_layer *layer)
{
	NEXT_WITH(layer, bind);
	return layer->ops->bind(layer);
}

int ssv_super_activate(struct ssv_layer *layer)
{
	NEXT_WITH(layer, activate);
	return layer->ops->activate(layer);
}

int ssv_super_close(struct ssv_layer *layer)
{
	NEXT_WITH(layer, close);
	return layer->ops->close(layer);
}

int ssv_super_fileno(struct ssv_layer *layer)
{
	NEXT_WITH(layer, fileno);
	return layer->ops->fileno(layer);
}

int ssv_super_serve_forever(struct ssv_layer *layer)
{
	NEXT_WITH(layer, serve_forever);
	return layer->ops->serve_forever(layer);
}

int ssv_super_service_actions(struct ssv_layer *layer)
{
	NEXT_WITH(layer, service_actions);
	return layer->ops->service_actions(layer);
}

int ssv_super_handle_timeout(struct ssv_layer *layer)
{
	NEXT_WITH(layer, handle_timeout);
	return layer->ops->handle_timeout(layer);
}

int ssv_super_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	NEXT_WITH(layer, get_request);
	return layer->ops->get_request(layer, request);
}

int ssv_super_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	NEXT_WITH(layer, verify_request);
	return layer->ops->verify_request(layer, request);
}

int ssv_super_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	NEXT_WITH(layer, process_request);
	return layer->ops->process_request(layer, request);
}

int ssv_super_finish_request(struct ssv_layer *layer, struct ssv_request *request)
{
	NEXT_WITH(layer, finish_request);
	return layer->ops->finish_request(layer, request);
}

void ssv_super_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	NEXT_WITH(layer, shutdown_request);
	layer->ops->shutdown_request(layer, request);
}

void ssv_super_close_request(struct ssv_layer *layer, struct ssv_request *request)
{
	NEXT_WITH(layer, close_request);
	layer->ops->close_request(layer, request);
}

void ssv_super_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	NEXT_WITH(layer, handle_error);
	layer->ops->handle_error(layer, request, error);
}
