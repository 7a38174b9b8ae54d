/* A chat room: what is said is heard by all, line by line, whole and in order; over connections and
 * without. */
#include "../../handlers/chat_datagram.h"
#include "../../handlers/handlers.h"
#include "../../handlers/room.h"
#include "pieces.h"

#include <socketserver/socketserver.h>
#include <string.h>

static struct room room;
static struct ssv_server server;
static struct pieces listener, slow;

static int64_t no_time(void)
{
	return 0;
}

static void enter(struct pieces *pieces)
{
	const struct room_member member = {.stream = &pieces->stream};

	EXPECT(room_join(&room, &member, SSV_FOREVER) == 0);
}

/* Two are in the room: one who takes all that comes, one who may not. */
static void open_room(struct input input)
{
	static const struct ssv_address nowhere = {.transport = SSV_TCP};

	room_open(&room);
	room.now = no_time;
	pieces_open(&listener, input);
	pieces_open(&slow, input);
	slow.slow = true;
	enter(&listener);
	enter(&slow);
	ssv_server_init(&server, &nowhere, NULL);
	server.user = &room;
}

static void open_request(struct ssv_request *request)
{
	ssv_request_init(request, &server);
	EXPECT(ssv_address_parse(&request->client_address, "tcp://127.0.0.1:7", NULL) == 0);
}

/* Who did not take a message whole has heard no other since. */
static void close_room(const struct text *heard)
{
	EXPECT(slow.written.size <= heard->size);
	EXPECT(slow.written.size == 0 ||
		memcmp(slow.written.data, heard->data, slow.written.size) == 0);
	EXPECT((room.count == 1) == (slow.written.size < heard->size));
	expect_same(&listener.written, heard);
	room_close(&room);
	pieces_close(&listener);
	pieces_close(&slow);
}

/* --- what should be heard --- */

static bool is_blank(char c)
{
	return c != '\0' && strchr(" \t\n\v\f\r", c) != NULL;
}

static struct input strip(struct input text)
{
	while (text.size > 0 && is_blank(text.data[text.size - 1]))
		text.size--;
	while (text.size > 0 && is_blank(text.data[0]))
		input_byte(&text);
	return text;
}

static bool is(struct input text, const char *word)
{
	text = strip(text);
	return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static void hear(struct text *heard, struct input said)
{
	if (said.size == 0)
		return;
	text_print(heard, "127.0.0.1:7\n");
	text_add(heard, said.data, said.size);
	text_add(heard, "\n", 1);
}

/* Of one read. False: he has left. */
static bool hear_lines(struct text *heard, struct input said)
{
	struct input line = said;

	for (; said.size > 0; input_byte(&said)) {
		line.size = 0;
		for (line.data = said.data; said.size > 0 && said.data[0] != '\n'; line.size++)
			input_byte(&said);
		if (is(line, "/quit"))
			return false;
		hear(heard, line);
	}
	return true;
}

/* --- a connection: in the room while it is there, it hears itself --- */

static void connection(struct input input)
{
	struct text heard = {0};
	struct pieces speaker, said;
	struct ssv_request request;
	struct input piece;

	pieces_open(&speaker, input);
	said = speaker;
	do
		piece = pieces_take(&said, ROOM_TEXT_SIZE);
	while (piece.size > 0 && hear_lines(&heard, piece));

	open_room(input);
	open_request(&request);
	request.stream = &speaker.stream;
	EXPECT(ssv_handler_run(chat_descriptor.ops, &ssv_stream_handler, &request) == 0);
	request.stream = NULL;
	ssv_request_free(&request);
	expect_same(&speaker.written, &heard);
	close_room(&heard);
	text_free(&heard);
	pieces_close(&speaker);
}

/* --- packets: who is in the room that way cannot be reached here, and leaves when spoken to --- */

static void packet(struct input said, struct text *heard)
{
	static const struct ssv_handler_ops no_stream = {.size = 0};
	const size_t before = room.count, length = heard->size;
	struct ssv_request request;
	bool pings, quits;

	open_request(&request);
	request.packet = said.data;
	request.packet_size = request.packet_length = said.size;
	EXPECT(ssv_handler_run(&chat_datagram_handler, &no_stream, &request) == 0);
	ssv_request_free(&request);

	said = input_bytes(&said, ROOM_TEXT_SIZE);
	pings = is(said, "#ping#");
	quits = is(said, "/quit");
	if (!pings && !quits)
		hear(heard, strip(said));
	if (pings)
		EXPECT(room.count == before || room.count == before + 1);
	else
		EXPECT(room.count <= before);
	if (heard->size > length || quits)
		EXPECT(room.count == 1 || room.count == 2);
}

/* In memory of just its size. */
static void packet_of_its_own(struct input said, struct text *heard)
{
	char *copy = malloc(said.size);

	EXPECT(copy != NULL);
	memcpy(copy, said.data, said.size);
	packet((struct input){copy, said.size}, heard);
	free(copy);
}

static void packets(struct input input)
{
	struct text heard = {0};
	struct pieces said;
	struct input piece;

	open_room(input);
	pieces_open(&said, input);
	while ((piece = pieces_take(&said, SIZE_MAX)).size > 0)
		packet_of_its_own(piece, &heard);
	packet((struct input){"/quit", 5}, &heard);
	close_room(&heard);
	text_free(&heard);
	pieces_close(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {(const char *)data, size};

	if (input_byte(&input) & 1)
		packets(input);
	else
		connection(input);
	return 0;
}
