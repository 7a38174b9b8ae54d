#include "options.h"
#include "../handlers/number.h"
#include "complain.h"
#include "words.h"
#include "wrap.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long() returns for the first of the long options: no character. */
#define FIRST_LONG (UCHAR_MAX + 1)

#define COLUMNS 80
#define HELP_COLUMNS 50 /* of them, behind the names */

int option_set_flag(const struct option_spec *spec, void *at, const char *value)
{
	bool *flag = at;

	(void)spec;
	(void)value;
	*flag = true;
	return 0;
}

int option_set_text(const struct option_spec *spec, void *at, const char *value)
{
	const char **text = at;

	(void)spec;
	*text = value;
	return 0;
}

/* One is read over more than once, and is known by where it stands. */
int option_set_text_once(const struct option_spec *spec, void *at, const char *value)
{
	const char **text = at;

	if (*text != NULL && *text != value) {
		complain("a second one: --%s %s: give one", spec->name, value);
		return -EINVAL;
	}
	*text = value;
	return 0;
}

static int complain_number(
	const struct option_spec *spec, const char *value, int error, const char *kind)
{
	complain("%s: --%s %.200s: give %s from %.0f to %.0f",
		error == -ERANGE ? "out of range" : "not a number", spec->name, value, kind,
		spec->low, spec->high);
	return -EINVAL;
}

int option_set_whole(const struct option_spec *spec, void *at, const char *value)
{
	int *number = at;
	long n;
	int rc = read_whole(value, (long)spec->low, (long)spec->high, &n);

	if (rc < 0)
		return complain_number(spec, value, rc, "a whole number");
	*number = (int)n;
	return 0;
}

int option_set_seconds(const struct option_spec *spec, void *at, const char *value)
{
	int rc = read_seconds(value, spec->low, spec->high, at);

	return rc < 0 ? complain_number(spec, value, rc, "seconds") : 0;
}

int option_set_choice(const struct option_spec *spec, void *at, const char *value)
{
	const char *choice = spec->value;
	size_t length = strcspn(choice, "|");
	int *which = at;

	for (*which = 0; strlen(value) != length || strncmp(choice, value, length) != 0; ++*which) {
		if (choice[length] == '\0') {
			complain("no choice: --%s %s: give one of %s", spec->name, value,
				spec->value);
			return -EINVAL;
		}
		choice += length + 1;
		length = strcspn(choice, "|");
	}
	return 0;
}

static int count_specs(const struct option_spec *specs)
{
	int n = 0;

	while (specs[n].name != NULL)
		n++;
	return n;
}

static int count_own(const struct ssv_handler_option *own)
{
	int n = 0;

	while (own != NULL && own[n].name != NULL)
		n++;
	return n;
}

static struct option long_option(const char *name, const char *value, int index)
{
	return (struct option){
		.name = name,
		.has_arg = value != NULL ? required_argument : no_argument,
		.val = FIRST_LONG + index,
	};
}

/* The program's first: where a handler has an option of the same name, the program's is meant. */
static struct option *make_long_options(const struct options *options)
{
	int specs = count_specs(options->specs), own = count_own(options->own);
	struct option *longs = calloc((size_t)(specs + own) + 1, sizeof(*longs));

	for (int i = 0; longs != NULL && i < specs; i++)
		longs[i] = long_option(options->specs[i].name, options->specs[i].value, i);
	for (int i = 0; longs != NULL && i < own; i++)
		longs[specs + i] =
			long_option(options->own[i].name, options->own[i].value, specs + i);
	return longs;
}

static void make_letters(const struct option_spec *specs, bool stop_at_operand, char *letters)
{
	if (stop_at_operand)
		*letters++ = '+';
	*letters++ = ':'; /* a missing value returns ':', not '?' */
	for (; specs->name != NULL; specs++) {
		if (specs->letter != 0)
			*letters++ = specs->letter;
		if (specs->letter != 0 && specs->value != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
}

static int set_spec(const struct options *options, int index)
{
	const struct option_spec *spec = &options->specs[index];
	char *settings = options->settings;

	return spec->set(spec, settings + spec->offset, optarg);
}

static const char *what_is_wrong(int error)
{
	if (error == -EINVAL)
		return "bad value";
	return error == -ERANGE ? "out of range" : strerror(-error);
}

static int set_own(const struct options *options, int index)
{
	const struct ssv_handler_option *own = &options->own[index];
	int rc;

	rc = own->set(options->state, optarg);
	if (rc < 0)
		complain("%s: --%s %.200s: %s", what_is_wrong(rc), own->name, optarg ? optarg : "",
			own->help);
	return rc < 0 ? -EINVAL : 0;
}

static int index_of_letter(const struct option_spec *specs, int letter)
{
	int i = 0;

	while (specs[i].letter != letter)
		i++;
	return i;
}

/* Where a single one is asked for, the others are read over. */
static bool is_asked_for(const struct options *options, int index, int specs)
{
	return options->only == NULL ||
	       (index < specs && strcmp(options->specs[index].name, options->only) == 0);
}

void options_consider(const struct options *options, struct nearest *nearest)
{
	for (const struct option_spec *spec = options->specs; spec->name != NULL; spec++)
		nearest_consider(nearest, spec->name);
	for (int i = 0; i < count_own(options->own); i++)
		nearest_consider(nearest, options->own[i].name);
}

/* Of a name, up to its end or =. */
static bool is_name(const char *name, const char *option)
{
	size_t length = strcspn(option, "=");

	return strlen(name) == length && strncmp(name, option, length) == 0;
}

static bool is_own(const struct ssv_handler_option *own, const char *option)
{
	for (int i = 0; i < count_own(own); i++)
		if (is_name(own[i].name, option))
			return true;
	return false;
}

/* Of the handlers that may follow. */
static const struct ssv_handler_descriptor *owner_of(
	const struct options *options, const char *option)
{
	for (int i = 0; options->handlers != NULL && options->handlers[i] != NULL; i++)
		if (is_own(options->handlers[i]->options, option))
			return options->handlers[i];
	return NULL;
}

static void complain_unknown(const struct options *options, const char *argument)
{
	const struct ssv_handler_descriptor *owner = owner_of(options, argument + strlen("--"));
	struct nearest nearest;

	if (owner != NULL) {
		complain("unknown option: %s: it is one of %s's own, which go behind it: serve %s "
			 "%s",
			argument, owner->name, owner->name, argument);
		return;
	}
	nearest_init(&nearest, argument + strlen("--"));
	options_consider(options, &nearest);
	if (!nearest_suggest(&nearest, "option", "--"))
		complain_usage("unknown option: %s%s", argument,
			options->handlers != NULL ? ": a handler's own go behind it" : "");
}

/* getopt_long() leaves in optopt which option it was that is wrong, or 0 for none that it knows. */
static int complain_option(const struct options *options, int c, const char *argument)
{
	if (c == ':')
		complain_usage("value missing: %s", argument);
	else if (optopt >= FIRST_LONG)
		complain_usage("takes no value: %s", argument);
	else if (optopt != 0)
		complain_usage("unknown option: -%c", optopt);
	else
		complain_unknown(options, argument);
	return -EINVAL;
}

static int take(const struct options *options, int c, char **argv)
{
	int specs = count_specs(options->specs), index;

	if (c == '?' || c == ':')
		return complain_option(options, c, argv[optind - 1]);
	index = c < FIRST_LONG ? index_of_letter(options->specs, c) : c - FIRST_LONG;
	if (!is_asked_for(options, index, specs))
		return 0;
	return index < specs ? set_spec(options, index) : set_own(options, index - specs);
}

bool options_know(const struct options *options, const char *option)
{
	for (const struct option_spec *spec = options->specs; spec->name != NULL; spec++)
		if (is_name(spec->name, option))
			return true;
	return is_own(options->own, option);
}

int options_parse(const struct options *options, int argc, char **argv, bool stop_at_operand)
{
	char letters[2 * UCHAR_MAX];
	struct option *longs = make_long_options(options);
	int c, rc = 0;

	if (longs == NULL)
		return -complain_memory();
	make_letters(options->specs, stop_at_operand, letters);
	optind = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		rc = take(options, c, argv);
	free(longs);
	return rc < 0 ? -EXIT_USAGE : optind;
}

void options_print_text(const char *text)
{
	size_t length = wrap_fit(text, COLUMNS);

	printf("%.*s\n", (int)length, text);
	for (text = wrap_rest(text, length); *text != '\0'; text = wrap_rest(text, length)) {
		length = wrap_fit(text, HELP_COLUMNS);
		printf("%*s%.*s\n", COLUMNS - HELP_COLUMNS, "", (int)length, text);
	}
}

static void print_option(char letter, const char *name, const char *value, const char *help)
{
	char left[64], dash[] = {'-', letter, ',', '\0'};
	size_t length;

	snprintf(left, sizeof(left), "%3s --%s %s", letter != 0 ? dash : "", name,
		value != NULL ? value : "");
	do {
		length = wrap_fit(help, HELP_COLUMNS);
		printf("  %-27s %.*s\n", left, (int)length, help);
		help = wrap_rest(help, length);
		left[0] = '\0';
	} while (*help != '\0');
}

static void print_spec(const struct option_spec *spec)
{
	print_option(spec->letter, spec->name, spec->value, spec->help);
}

void options_print_specs(const struct option_spec *specs)
{
	for (; specs->name != NULL; specs++)
		print_spec(specs);
}

void options_print_these(const struct option_spec *specs, const char *names)
{
	for (; specs->name != NULL; specs++)
		if (words_have(names, specs->name))
			print_spec(specs);
}

void options_print_own(const struct ssv_handler_option *own)
{
	for (; own != NULL && own->name != NULL; own++)
		print_option(0, own->name, own->value, own->help);
}
