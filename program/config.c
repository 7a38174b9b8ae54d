#include "config.h"
#include "activation.h"
#include "complain.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n\v\f"

struct config_line {
	int number;
	char *option; /* --NAME=VALUE */
	char *value;  /* in it, or "" */
	bool has_value;
};

static const struct config *last_read; /* for whoever has but a value */

/* --- the lines --- */

/* Takes the line apart; the two, without what is around them, and NULL for no value. */
static void split(char *text, char **name, char **value)
{
	size_t length;

	*name = text + strspn(text, BLANKS);
	for (length = strlen(*name); length > 0 && strchr(BLANKS, (*name)[length - 1]) != NULL;)
		(*name)[--length] = '\0';
	length = strcspn(*name, BLANKS "=");
	*value = *name + length + strspn(*name + length, BLANKS);
	if (**value == '=')
		*value += 1 + strspn(*value + 1, BLANKS);
	else if (**value == '\0')
		*value = NULL;
	(*name)[length] = '\0';
}

static int keep(
	struct config *config, struct config_line *line, const char *name, const char *value)
{
	int length = snprintf(NULL, 0, "--%s=%s", name, value != NULL ? value : "");

	line->option = malloc((size_t)length + 1);
	if (line->option == NULL)
		return complain_memory();
	snprintf(line->option, (size_t)length + 1, value != NULL ? "--%s=%s" : "--%s", name, value);
	line->has_value = value != NULL;
	line->value = line->option + strlen("--") + strlen(name) + (value != NULL);
	config->count++;
	return 0;
}

static bool is_named(const struct config_line *line, const char *name)
{
	size_t length = strlen(name);

	return strncmp(line->option + 2, name, length) == 0 &&
	       (line->option[2 + length] == '=' || line->option[2 + length] == '\0');
}

static bool is_operand(const struct config_line *line)
{
	return is_named(line, "handler") || is_named(line, "address");
}

/* An operand, or a name that only the command line has. */
static int look_at(struct config *config, const struct config_line *line)
{
	if (is_named(line, "config") || is_named(line, "help") || is_named(line, "help-all"))
		return complain_usage(
			"not for a file: %s: give it on the command line", line->option + 2);
	if (is_operand(line) && (!line->has_value || *line->value == '\0'))
		return complain_usage("value missing: %s", line->option + 2);
	if (is_named(line, "handler") && config->handler != NULL)
		return complain_usage("a second handler: %s: a file has one", line->value);
	if (is_named(line, "handler"))
		config->handler = line->value;
	if (is_named(line, "inetd"))
		activation_spare_client();
	if (is_named(line, "address"))
		config->addresses[config->address_count++] = line->value;
	return 0;
}

static int take_line(struct config *config, char *text, int number)
{
	struct config_line *line = &config->lines[config->count];
	char *name, *value;
	int status;

	split(text, &name, &value);
	if (*name == '#' || (*name == '\0' && value == NULL))
		return 0;
	if (*name == '\0')
		return complain_usage("no name: = %s", value);
	line->number = number;
	status = keep(config, line, name, value);
	return status != 0 ? status : look_at(config, line);
}

/* --- the file --- */

static bool is_whole(const char *text, size_t length)
{
	return length < CONFIG_LINE_SIZE - 1 || text[length - 1] == '\n';
}

/* How long a byte order mark is, which some editors put in front of the first line. */
static size_t mark_at(const char *text, int number)
{
	return number == 1 && strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

static int read_lines(struct config *config, FILE *file)
{
	char text[CONFIG_LINE_SIZE];
	int status = 0;

	for (int number = 1; status == 0 && fgets(text, sizeof(text), file) != NULL; number++) {
		complain_where(config->path, number);
		if (number > CONFIG_LINES_MAX)
			status = complain_usage("too many lines: %d at most", CONFIG_LINES_MAX);
		else if (!is_whole(text, strlen(text)))
			status = complain_usage(
				"line too long: %d characters at most", CONFIG_LINE_SIZE - 2);
		else
			status = take_line(config, text + mark_at(text, number), number);
	}
	complain_where(NULL, 0);
	return status;
}

static int complain_file(const char *path, int error)
{
	complain("cannot read the file: --config %s: %s: give one that is there and that you may "
		 "read",
		path, strerror(error));
	return EXIT_FAILURE;
}

int config_read(struct config *config, const char *path)
{
	FILE *file = fopen(path, "re");
	int status;

	if (file == NULL)
		return complain_file(path, errno);
	*config = (struct config){
		.path = path,
		.lines = calloc(CONFIG_LINES_MAX, sizeof(*config->lines)),
		.addresses = calloc(CONFIG_LINES_MAX, sizeof(*config->addresses)),
	};
	last_read = config;
	if (config->lines == NULL || config->addresses == NULL) {
		status = complain_memory();
	} else {
		status = read_lines(config, file);
		if (status == 0 && ferror(file))
			status = complain_file(path, errno);
	}
	fclose(file);
	return status;
}

static int complain_unknown(const struct config_line *line, const struct options *options)
{
	const char *name = line->option + strlen("--");
	struct nearest nearest;

	nearest_init(&nearest, name);
	nearest_consider(&nearest, "handler");
	nearest_consider(&nearest, "address");
	options_consider(options, &nearest);
	return nearest_suggest(&nearest, "option", "") ? EXIT_USAGE
						       : complain_usage("unknown option: %s", name);
}

int config_apply(const struct config *config, const struct options *options)
{
	int rc = 0;

	for (size_t i = 0; i < config->count && rc >= 0; i++) {
		char *arguments[] = {"", config->lines[i].option, NULL};

		complain_where(config->path, config->lines[i].number);
		if (is_operand(&config->lines[i]))
			continue;
		if (options_know(options, config->lines[i].option + strlen("--")))
			rc = options_parse(options, 2, arguments, true);
		else
			rc = -complain_unknown(&config->lines[i], options);
	}
	complain_where(NULL, 0);
	return rc < 0 ? -rc : 0;
}

void config_say_where(const char *value)
{
	complain_where(NULL, 0);
	for (size_t i = 0; value != NULL && last_read != NULL && i < last_read->count; i++)
		if (last_read->lines[i].value == value)
			complain_where(last_read->path, last_read->lines[i].number);
}

void config_free(struct config *config)
{
	last_read = NULL;
	for (size_t i = 0; i < config->count; i++)
		free(config->lines[i].option);
	free(config->lines);
	free(config->addresses);
	config->lines = NULL;
	config->addresses = NULL;
	config->count = 0;
}
