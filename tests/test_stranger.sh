#!/usr/bin/env bash
# Somebody who has read README.md and docs/howto.md, and nothing else, installs the library, writes
# a server of his own, builds, tests and runs it as systemd would, and stops it under load: no
# request is lost. What he types is taken out of the two documents.
# Usage: test_stranger.sh BUILD_DIRECTORY SOURCE_DIRECTORY
#            installs what is built, in a folder of its own
#        test_stranger.sh --as-root-on-bare-debian
#            installs as README.md says, packages and all
set -euo pipefail

fail() {
	echo "$*"
	exit 1
}

type_in() { # DOCUMENT NAME: the file that stands there
	python3 "$source/tests/code_block.py" "$source/$1" "$2" >"./$2"
}

install_from() { # BUILD_DIRECTORY: what `meson install` puts into /usr/local, elsewhere
	local pc libdir

	meson install -C "$1" --no-rebuild --quiet --destdir "$work/root" >"$work/log" 2>&1 || {
		cat "$work/log"
		fail "meson install failed"
	}
	pc=$(find "$work/root" -name socketserver.pc)
	export PKG_CONFIG_LIBDIR=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
	libdir=$work/root$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir socketserver)
	export LD_LIBRARY_PATH=$libdir
	PATH=$(dirname "$(find "$work/root" -name socketserver -type f -perm -u+x)"):$PATH
}

# Python comes with what README.md has installed; so its first commands are found without.
install_as_root() {
	local commands

	commands=$(awk '/^<!-- code: install.sh -->$/ { found = 1 }
		found && /^```$/ { exit }
		found && !/^```|^<!--/' "$source/README.md")
	[[ -n $commands ]] || fail "README.md does not say how to install"
	cp -r "$source" "$work/tree"
	(cd "$work/tree" && rm -rf build && bash -xe <<<"$commands")
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ ${1:-} == --as-root-on-bare-debian ]]; then
	source=$(cd "$(dirname "$0")/.." && pwd)
	install_as_root
else
	source=$2
	install_from "$1"
fi
mkdir "$work/own"
cd "$work/own"

# README.md: a complete server
type_in README.md echo_server.c
type_in README.md compile.sh
bash -xe compile.sh
[[ -x echo_server ]] || fail "README.md does not build its server"

# docs/howto.md: a server of one's own, and its test
for name in shout.h shout.c service.c test_shout.c; do
	type_in docs/howto.md "$name"
done
sed -n 's/^\$ \(cc shout\.c .*\)/\1/p' "$source/docs/howto.md" | bash -xe
if ! ./test_shout || [[ $(./test_shout | grep -c ': ok$') -ne 3 ]]; then
	fail "the test of the handler fails"
fi

# docs/howto.md: as systemd runs it
python3 "$source/tests/service_manager.py" ./shout
