#!/bin/sh
# PROGRAM [ARGUMENT...]: runs a test program under valgrind's memcheck, and fails as well for what
# any of its children does wrong, whether anybody looks at how that ends or not.
set -u

here=$(dirname "$0")
logs=$(mktemp -d)
export SSV_VALGRIND=1 CK_TIMEOUT_MULTIPLIER=20

# In a forked child the stacks of the threads that are not there are "possibly" lost. Another user's
# child could not take away the files of vgdb.
valgrind --quiet --vgdb=no --trace-children=yes --track-fds=yes --num-callers=30 \
	--suppressions="$here/memcheck.supp" \
	--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--log-file="$logs/%p" "$@"
result=$?

# The log is made of paragraphs, one for each error and for each descriptor that is open at the end.
# Those of the test itself, which has its own check for them, and of Check may be, also in a child;
# there also its connection, if the handler ends it or gives its number away, and the pipe whose end
# tells of the child's.
# A stack is exceeded on purpose.
errors=$(find "$logs" -type f -size +0 -exec awk '
	function judge() {
		if (text != "" && !(text ~ /^Open / && text ~ may_be_open) &&
				text !~ /^Process terminating.*recurse/)
			print text
		text = ""
	}
	BEGIN {
		may_be_open = "inherited|srunner_run|connect_to|ssv_connect" \
			"|ssv_stream_server_get_request|open_pipe|give_it_away"
	}
	{ sub(/^==[0-9]+== ?/, "") }
	FNR == 1 || /^$|^Open / { judge() }
	!/^$|^--|^FILE / { text = text $0 "\n" } # without its own troubles, and a headline
	END { judge() }' {} +)
if [ -n "$errors" ]; then
	echo "$errors"
	result=99
fi
rm -r "$logs"
exit $result
