#include "output.h"
#include "explain.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int output_flush(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return errno != 0 ? -errno : -EIO;
}

int output_finish(void)
{
	int rc = output_flush();

	return rc < 0 ? explain_output(rc) : EXIT_SUCCESS;
}
