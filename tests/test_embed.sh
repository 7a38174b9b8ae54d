#!/usr/bin/env bash
# What docs/install.md says of other builds is so: the README's server is built by CMake with what
# is installed, and by meson with this tree as a subproject, shared and static.
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
	quietly cmake -S . -B out
	quietly cmake --build out
	needs_library out/server || fail "CMake's server is not linked with the shared library"
}

with_meson() {
	mkdir subprojects
	ln -s "$source" subprojects/socketserver
	extract docs/install.md meson.build .
	extract docs/install.md socketserver.wrap subprojects
	for library in shared static; do
		quietly meson setup $library -Dbuildtype=plain -Ddefault_library=$library
		quietly ninja -C $library server
	done
	needs_library shared/server || fail "meson's server is not linked with the shared library"
	! needs_library static/server || fail "meson's static server asks for the shared library"
}

unset CC CFLAGS LDFLAGS
extract README.md echo_server.c .
mv echo_server.c server.c
case $with in
cmake) with_cmake ;;
meson) with_meson ;;
esac
