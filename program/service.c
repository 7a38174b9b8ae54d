#include "service.h"
#include "activation.h"
#include "config.h"
#include "inheritance.h"
#include "notify.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int service_open(bool inetd)
{
	int status;

	notify_open();
	status = activation_open();
	if (status == 0)
		status = inheritance_open();
	/* A successor's is in what it inherits. */
	if (status == 0 && inetd && !inheritance_exists())
		status = activation_take_standard_input();
	return status;
}

int service_prepare(struct service *service, const struct service_settings *settings, int count,
	char **arguments)
{
	int status;

	service->settings = settings;
	service->pid_file.fd = -1;
	status = privileges_find(&service->privileges, settings->user, settings->group);
	if (status == 0 && settings->handover)
		status = handover_init(&service->handover, count, arguments);
	return status;
}

int service_before_open(struct service *service)
{
	const char *path = service->settings->pid_file;
	char name[sizeof(HANDOVER_PID_FILE) + 4096];
	int fd = -1, status;

	if (path != NULL) {
		snprintf(name, sizeof(name), HANDOVER_PID_FILE "%s", path);
		fd = inheritance_take(name);
	}
	config_say_where(path);
	status = pid_file_open(&service->pid_file, path, fd);
	config_say_where(NULL);
	return status;
}

int service_after_open(struct service *service, struct listener *listeners, size_t count)
{
	int status = privileges_drop(&service->privileges);

	if (status != 0)
		return status;
	service->handover.pid_file = &service->pid_file;
	for (size_t i = 0; i < count; i++)
		if (!listeners[i].was_passed)
			handover_add(&service->handover, listeners[i].asked, listeners[i].server,
				listener_file(&listeners[i]));
	return 0;
}

void service_add(struct service *service, const char *name, struct ssv_server *beside,
	struct ssv_unix_socket *file)
{
	service->handover.beside = beside;
	handover_add(&service->handover, name, beside, file);
}

int service_write_pid(struct service *service)
{
	return pid_file_write(&service->pid_file);
}

void service_ready(struct listener *listeners, size_t count)
{
	inheritance_ready();
	for (size_t i = 0; i < count; i++)
		inheritance_take_file(
			listeners[i].asked, listener_file(&listeners[i]), listeners[i].server);
	notify("READY=1\nSTATUS=serving");
}

void service_close(struct service *service)
{
	pid_file_close(&service->pid_file);
	handover_free(&service->handover);
}
