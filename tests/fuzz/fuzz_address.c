/* Addresses: from text, and back; from a socket, into text. */
#include "fuzz.h"

#include <errno.h>
#include <socketserver/address.h>
#include <string.h>

/* Into memory of just the size that is promised to do. */
static char *format(const struct ssv_address *address)
{
	char *text = malloc(SSV_ADDRESS_TEXT_SIZE);

	EXPECT(text != NULL);
	EXPECT(ssv_address_format(address, text) == text);
	EXPECT(strlen(text) < SSV_ADDRESS_TEXT_SIZE);
	return text;
}

static bool is_same(const struct ssv_address *one, const struct ssv_address *other)
{
	return one->transport == other->transport && one->port == other->port &&
	       strcmp(one->name, other->name) == 0 && one->length == other->length &&
	       memcmp(&one->socket, &other->socket, one->length) == 0;
}

static void expect_to_be_the_same_from_its_text(const struct ssv_address *address)
{
	struct ssv_address again;
	char *text = format(address), *text_again;
	const char *error = NULL;

	EXPECT(ssv_address_parse(&again, text, &error) == 0);
	EXPECT(is_same(address, &again));
	text_again = format(&again);
	EXPECT(strcmp(text, text_again) == 0);
	free(text);
	free(text_again);
}

static void expect_refusal(int rc, const char *error, const struct ssv_address *address)
{
	const char *bytes = (const char *)address;

	EXPECT(rc == -EINVAL || rc == -ENAMETOOLONG);
	EXPECT(error != NULL && error[0] != '\0');
	for (size_t i = 0; i < sizeof(*address); i++)
		EXPECT(bytes[i] == '#');
}

static void parse(struct input input)
{
	char *text = strndup(input.data, input.size);
	struct ssv_address address;
	const char *error = NULL;
	int rc;

	EXPECT(text != NULL);
	memset(&address, '#', sizeof(address));
	rc = ssv_address_parse(&address, text, &error);
	if (rc == 0)
		expect_to_be_the_same_from_its_text(&address);
	else
		expect_refusal(rc, error, &address);
	free(text);
}

static bool has_no_text(const struct ssv_address *address)
{
	return address->length == 0 || address->transport == SSV_UNIX ||
	       address->transport == SSV_UNIXGRAM;
}

static void from_socket(enum ssv_transport transport, struct input input)
{
	struct sockaddr_storage socket = {0};
	struct ssv_address address;

	input = input_bytes(&input, sizeof(socket));
	memcpy(&socket, input.data, input.size);
	ssv_address_from_socket(
		&address, transport, (struct sockaddr *)&socket, (socklen_t)input.size);
	if (has_no_text(&address))
		free(format(&address));
	else
		expect_to_be_the_same_from_its_text(&address);
}

/* Texts begin with a letter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {(const char *)data, size};

	if (size > 0 && data[0] <= SSV_UNIXGRAM)
		from_socket((enum ssv_transport)input_byte(&input), input);
	else if (size > 0)
		parse(input);
	return 0;
}
