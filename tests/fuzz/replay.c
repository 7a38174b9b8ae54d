/* Feeds a target the files of a directory, where there is no libFuzzer: replay DIRECTORY. */
#include "fuzz.h"

#include <dirent.h>
#include <unistd.h>

/* In memory of just its size, for the tools that watch its end. */
static void replay(const char *name)
{
	FILE *file = fopen(name, "rb");
	uint8_t *data;
	long size;

	EXPECT(file != NULL && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0);
	rewind(file);
	data = malloc((size_t)size);
	EXPECT(fread(data, 1, (size_t)size, file) == (size_t)size);
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count;

	EXPECT(argc == 2 && chdir(argv[1]) == 0);
	count = scandir(".", &entries, is_input, alphasort);
	EXPECT(count > 0);
	for (int i = 0; i < count; i++) {
		printf("%s\n", entries[i]->d_name);
		fflush(stdout); /* the last one that is named is the one that failed */
		replay(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
