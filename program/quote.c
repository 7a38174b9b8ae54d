#include "quote.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PIECE_SIZE 16 /* what one character may become */

/* How many bytes follow the first one of a character of UTF-8; -1: it begins none. */
static int followers(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if (first >= 0xe0 && first <= 0xef)
		return 2;
	return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

/* Whether the second byte makes it a surrogate, too large, or longer than it need be. */
static bool is_beyond(unsigned char first, unsigned char second)
{
	return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	       (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
}

/* How long the character is, or 0 for what is none. */
static size_t character(const unsigned char *text)
{
	int n = followers(text[0]);

	if (n < 0 || (n > 0 && is_beyond(text[0], text[1])))
		return 0;
	for (int i = 1; i <= n; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return (size_t)n + 1;
}

static bool is_control_character(const unsigned char *text)
{
	return text[0] < ' ' || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

static unsigned int code_of_control(const unsigned char *text)
{
	return text[0] == 0xc2 ? text[1] : text[0];
}

typedef void (*quote_character)(char piece[PIECE_SIZE], const unsigned char *text, size_t length);

static void copy(char piece[PIECE_SIZE], const unsigned char *text, size_t length)
{
	memcpy(piece, text, length);
	piece[length] = '\0';
}

static void json_character(char piece[PIECE_SIZE], const unsigned char *text, size_t length)
{
	if (length == 0)
		snprintf(piece, PIECE_SIZE, "\\ufffd");
	else if (is_control_character(text))
		snprintf(piece, PIECE_SIZE, "\\u%04x", code_of_control(text));
	else if (*text == '"' || *text == '\\')
		snprintf(piece, PIECE_SIZE, "\\%c", *text);
	else
		copy(piece, text, length);
}

static void hexadecimal(
	char piece[PIECE_SIZE], const unsigned char *text, size_t length, const char *backslash)
{
	size_t end = 0;

	for (size_t i = 0; i < length; i++)
		end += (size_t)snprintf(
			piece + end, PIECE_SIZE - end, "%sx%02x", backslash, text[i]);
}

static void word_with(
	char piece[PIECE_SIZE], const unsigned char *text, size_t length, const char *backslash)
{
	if (length == 0)
		hexadecimal(piece, text, 1, backslash);
	else if (is_control_character(text) || *text == ' ' || *text == '\\')
		hexadecimal(piece, text, length, backslash);
	else
		copy(piece, text, length);
}

static void word_character(char piece[PIECE_SIZE], const unsigned char *text, size_t length)
{
	word_with(piece, text, length, "\\");
}

static void label_character(char piece[PIECE_SIZE], const unsigned char *text, size_t length)
{
	if (*text == '"')
		snprintf(piece, PIECE_SIZE, "\\\"");
	else
		word_with(piece, text, length, "\\\\");
}

static char *quote(char *to, size_t size, const char *text, quote_character quote_one)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t end = 0, length, added;
	char piece[PIECE_SIZE];

	while (*from != '\0') {
		length = character(from);
		quote_one(piece, from, length);
		added = strlen(piece);
		if (end + added >= size)
			break;
		memcpy(to + end, piece, added);
		end += added;
		from += length > 0 ? length : 1;
	}
	to[end] = '\0';
	return to;
}

char *quote_json(char *to, size_t size, const char *text)
{
	return quote(to, size, text, json_character);
}

char *quote_word(char *to, size_t size, const char *text)
{
	return quote(to, size, text, word_character);
}

char *quote_label(char *to, size_t size, const char *text)
{
	return quote(to, size, text, label_character);
}
