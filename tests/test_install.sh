#!/usr/bin/env bash
# What is installed suffices: outside the tree, the README's server compiles and starts with nothing
# but pkg-config, from the shared library and from the static one; the program finds its library.
# Usage: test_install.sh BUILD_DIRECTORY SOURCE_DIRECTORY
set -euo pipefail

build=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

meson install -C "$build" --no-rebuild --quiet --destdir "$work/root" >"$work/log" 2>&1 || {
	cat "$work/log"
	fail "meson install failed"
}
python3 "$source/tests/code_block.py" "$source/README.md" echo_server.c >"$work/server.c"
cd "$work"

# The root directory is the only thing unusual about it, and pkg-config knows of that.
pc=$(find root -name socketserver.pc)
[[ -n $pc ]] || fail "socketserver.pc was not installed"
export PKG_CONFIG_LIBDIR=$work/${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
libdir=$PKG_CONFIG_SYSROOT_DIR$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir socketserver)

read -ra shared_flags < <(pkg-config --cflags --libs socketserver)
cc -Wall -Wextra -Werror server.c "${shared_flags[@]}" -o shared
readelf -d shared | grep 'NEEDED.*\[libsocketserver\.so\.0\]' >/dev/null ||
	fail "a program does not ask for libsocketserver.so.0, but:" \
		"$(readelf -d shared | grep NEEDED)"
LD_LIBRARY_PATH=$libdir ldd shared | grep "libsocketserver.so.0 => $libdir/" >/dev/null ||
	fail "the loader does not find the library: $(LD_LIBRARY_PATH=$libdir ldd shared)"

read -ra flags < <(pkg-config --static --cflags --libs socketserver)
cc -Wall -Wextra -Werror server.c -Wl,-Bstatic "${flags[@]}" -Wl,-Bdynamic -o static
if readelf -d static | grep libsocketserver; then
	fail "linked with the static library, and yet it asks for the shared one"
fi

for file in man/man1/socketserver.1 doc/socketserver/README.md doc/socketserver/docs/handlers.md \
	doc/socketserver/examples/echo.c; do
	[[ -e $(find root -path "*/share/$file") ]] || fail "share/$file was not installed"
done
readme=$(find root -path '*/doc/socketserver/README.md')
while read -r link; do
	[[ -e ${readme%/*}/$link ]] || fail "README.md was installed, but not what it links: $link"
done < <(grep -oP '\]\(\K[\w/.-]+' "$readme")
if command -v doxygen >/dev/null && ! [[ -e $(find root -path '*/man3/ssv_server_open.3') ]]; then
	fail "the manual pages of the headers were not installed"
fi

# docs/install.md: a ready-made handler as a plug-in
cc -shared -fPIC -Decho_descriptor=ssv_handler_plugin \
	"$(find root -path '*/examples/echo.c')" -o echo.so "${shared_flags[@]}"

program=$(find root -name socketserver -type f -perm -u+x)
[[ -n $program ]] || fail "the program was not installed"
if readelf -d "$program" | grep -E 'R(UN)?PATH'; then
	fail "the installed program looks for its library in the build directory"
fi
unit=$(find root -path '*/lib/systemd/system/socketserver@.service')
grep "^ExecStart=${program#root} " "$unit" >/dev/null ||
	fail "the unit file does not start the installed program: ${unit:-it is not there}"
for completion in bash-completion/completions/socketserver zsh/site-functions/_socketserver \
	fish/vendor_completions.d/socketserver.fish; do
	[[ -f ${program%/bin/*}/share/$completion ]] || fail "not installed: share/$completion"
done
LD_LIBRARY_PATH=$libdir "$program" handlers | grep '^ *echo' >/dev/null ||
	fail "the installed program does not list its handlers"
answer=$(printf hello | LD_LIBRARY_PATH=$libdir socat - EXEC:"$program serve ./echo.so --inetd")
[[ $answer == hello ]] || fail "a ready-made handler as a plug-in does not answer: $answer"
