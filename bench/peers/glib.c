/** Echo over GLib's GThreadedSocketService, a thread for each connection: glib HOST PORT. */
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_SIZE (16 * 1024)
#define THREADS 20000

static gboolean run(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
	gpointer context)
{
	GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
	char data[BUFFER_SIZE];
	gssize n;

	(void)service;
	(void)source;
	(void)context;
	do
		n = g_input_stream_read(in, data, sizeof(data), NULL, NULL);
	while (n > 0 && g_output_stream_write_all(out, data, (gsize)n, NULL, NULL, NULL));
	return FALSE;
}

int main(int argc, char **argv)
{
	GSocketService *service = g_threaded_socket_service_new(THREADS);
	GSocketAddress *at;

	if (argc != 3)
		return 2;
	at = g_inet_socket_address_new_from_string(argv[1], (guint)atoi(argv[2]));
	g_socket_listener_set_backlog(G_SOCKET_LISTENER(service), 4096);
	if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), at, G_SOCKET_TYPE_STREAM,
		    G_SOCKET_PROTOCOL_TCP, NULL, NULL, NULL))
		return 1;
	g_signal_connect(service, "run", G_CALLBACK(run), NULL);
	g_socket_service_start(service);
	puts("listening");
	fflush(stdout);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
}
