#include "registry.h"
#include "../handlers/handlers.h"
#include "complain.h"
#include "nearest.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct ssv_handler_descriptor *const registry_built_in[] = {
	&chat_descriptor,
	&clock_descriptor,
	&console_descriptor,
	&echo_descriptor,
	&exec_descriptor,
	&timestamp_descriptor,
	&upper_descriptor,
	&welcome_descriptor,
	NULL,
};

static void add_word(char *list, size_t size, const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", length > 0 ? ", " : "", word);
}

static int find_built_in(const char *name, const struct ssv_handler_descriptor **handler)
{
	struct nearest nearest;
	char names[256] = "";

	nearest_init(&nearest, name);
	for (int i = 0; registry_built_in[i] != NULL; i++) {
		*handler = registry_built_in[i];
		if (strcmp((*handler)->name, name) == 0)
			return 0;
		add_word(names, sizeof(names), (*handler)->name);
		nearest_consider(&nearest, (*handler)->name);
	}
	if (nearest_suggest(&nearest, "handler", ""))
		return EXIT_USAGE;
	complain("unknown handler: %s: take one of %s, or the path of a plug-in, such as ./mine.so",
		name, names);
	return EXIT_USAGE;
}

/* dlerror() begins with the path, which the line has already. */
static int complain_load(const char *path)
{
	const char *text = dlerror();
	size_t length = strlen(path);

	if (strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0)
		text += length + 2;
	complain("cannot load the plug-in: %s: %s: see that it is there, built with cc -shared "
		 "-fPIC",
		path, text);
	return EXIT_FAILURE;
}

static bool is_complete(const struct ssv_handler_descriptor *handler)
{
	return handler->name != NULL && handler->help != NULL && handler->transports != NULL &&
	       handler->modes != NULL && handler->ops != NULL;
}

static int check_plugin(const char *path, const struct ssv_handler_descriptor *handler)
{
	if (handler == NULL)
		complain("not a plug-in: %s: it has to export ssv_handler_plugin, see "
			 "socketserver/handler_descriptor.h",
			path);
	else if (handler->abi != SSV_ABI)
		complain("unfit plug-in: %s: it was built for ABI %u, this program has %u: "
			 "recompile it",
			path, handler->abi, (unsigned int)SSV_ABI);
	else if (!is_complete(handler))
		complain("unfit plug-in: %s: its descriptor needs name, help, transports, modes "
			 "and ops",
			path);
	else
		return 0;
	return EXIT_FAILURE;
}

static int load_plugin(const char *path, const struct ssv_handler_descriptor **handler)
{
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (plugin == NULL)
		return complain_load(path);
	*handler = dlsym(plugin, "ssv_handler_plugin");
	return check_plugin(path, *handler);
}

int registry_find(const char *name, const struct ssv_handler_descriptor **handler)
{
	if (strchr(name, '/') != NULL)
		return load_plugin(name, handler);
	return find_built_in(name, handler);
}

char *registry_modes(const struct ssv_handler_descriptor *handler, char text[REGISTRY_MODES_SIZE])
{
	const char *of_datagrams = handler->datagram_modes;

	snprintf(text, REGISTRY_MODES_SIZE, "%s%s%s", handler->modes,
		of_datagrams != NULL ? "; datagrams: " : "",
		of_datagrams != NULL ? of_datagrams : "");
	return text;
}
