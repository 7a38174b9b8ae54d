#!/usr/bin/env bash
# What docs/install.md says of other builds is so: the README's server, and a test with the test
# kit, are built by CMake with what is installed, and by meson with this tree as a subproject,
# shared and static.
# Usage: test_embed.sh BUILD_DIRECTORY SOURCE_DIRECTORY cmake|meson
set -euo pipefail

build=$1 source=$2 with=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
	echo "$*"
	exit 1
}

quietly() {
	"$@" >log 2>&1 || {
		tail -n 40 log
		fail "this failed: $*"
	}
}

extract() { # DOCUMENT NAME DIRECTORY
	python3 "$source/tests/code_block.py" "$source/$1" "$2" >"$3/$2"
}

said() { # PATTERN: what docs/install.md has of it
	grep -om 1 -- "$1" "$source/docs/install.md" || fail "docs/install.md has no $1"
}

needs_library() { # PROGRAM
	readelf -d "$1" | grep -q 'NEEDED.*\[libsocketserver\.so\.0\]'
}

with_cmake() {
	if ! command -v cmake >/dev/null; then
		echo "skipped: CMake is not installed (./dev install-deps test)"
		exit 77
	fi
	quietly meson install -C "$build" --no-rebuild --destdir "$work/root"
	local pc

	pc=$(find root -name socketserver.pc)
	export PKG_CONFIG_LIBDIR=$work/${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
	extract docs/install.md CMakeLists.txt .
	cat >>CMakeLists.txt <<-END
		$(said 'pkg_check_modules(TESTING [^`]*')
		add_executable(test_server test_server.c)
		target_link_libraries(test_server $(said 'PkgConfig::TESTING'))
	END
	quietly cmake -S . -B out
	quietly cmake --build out
	needs_library out/server || fail "CMake's server is not linked with the shared library"
	LD_LIBRARY_PATH=$(dirname "${pc%/*}") quietly out/test_server
}

with_meson() {
	mkdir subprojects
	ln -s "$source" subprojects/socketserver
	extract docs/install.md meson.build .
	extract docs/install.md socketserver.wrap subprojects
	echo "executable('test_server', 'test_server.c'," \
		"dependencies: $(said "dependency('socketserver-testing')"))" >>meson.build
	for library in shared static; do
		quietly meson setup $library -Dbuildtype=plain -Ddefault_library=$library
		quietly ninja -C $library server test_server
		quietly $library/test_server
	done
	needs_library shared/server || fail "meson's server is not linked with the shared library"
	! needs_library static/server || fail "meson's static server asks for the shared library"
}

unset CC CFLAGS LDFLAGS
extract README.md echo_server.c .
mv echo_server.c server.c
cat >test_server.c <<END
#include <socketserver/testing.h>

static int end(struct ssv_handler *handler)
{
	(void)handler;
	return 0;
}

int main(void)
{
	const struct ssv_handler_ops ending = {.handle = end};
	struct ssv_test *test = ssv_test_new(&ending, SSV_UNIX);
	int went_wrong;

	ssv_test_expect_end(test);
	went_wrong = ssv_test_finish(test) != NULL;
	ssv_test_free(test);
	return went_wrong;
}
END
case $with in
cmake) with_cmake ;;
meson) with_meson ;;
esac
