#!/usr/bin/env bash
# The Debian packages build, lintian finds no error and warns of nothing, and what is in them is
# enough: unpacked elsewhere, they compile and run the README's server.
# Usage: test_deb.sh SOURCE_DIRECTORY [DIRECTORY_FOR_THE_PACKAGES]
set -euo pipefail

source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

for tool in dpkg-buildpackage dh lintian doxygen; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: $tool is not installed (./dev install-deps all)"
		exit 77
	fi
done

mkdir "$work/socketserver"
tar -C "$source" --exclude=./build --exclude-vcs -c . | tar -C "$work/socketserver" -x
cd "$work/socketserver"
dpkg-buildpackage -us -uc -b >"$work/log" 2>&1 || {
	grep -E "error|FAILED" "$work/log" || tail -n 20 "$work/log"
	fail "dpkg-buildpackage failed"
}
cd "$work"
lintian --allow-root --fail-on error,warning ./*.changes || fail "lintian has complaints"

for package in ./*.deb; do
	dpkg-deb -x "$package" root
done
find root -type f -o -type l | sort >files
for expected in usr/bin/socketserver \
	'usr/lib/.*/libsocketserver.so.0' 'usr/lib/.*/libsocketserver.a' \
	usr/include/socketserver/server.h usr/share/man/man1/socketserver.1.gz \
	usr/share/man/man3/ssv_server_open.3.gz usr/share/doc/libsocketserver-dev/html/index.html \
	usr/share/doc/libsocketserver-dev/examples/echo.c \
	usr/share/doc/libsocketserver-dev/docs/reliability.md \
	usr/lib/systemd/system/socketserver@.service usr/lib/systemd/system/socketserver@.socket; do
	grep -qx "root/$expected" files || fail "no package has $expected"
done

grep -q '^ExecStart=/usr/bin/socketserver ' root/usr/lib/systemd/system/socketserver@.service ||
	fail "the unit file does not start the packaged program"
for package in ./*.deb; do
	if dpkg-deb -I "$package" postinst 2>/dev/null | grep -E 'deb-systemd-(helper|invoke)'; then
		fail "$package enables or starts a unit"
	fi
done

multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
python3 "$source/tests/code_block.py" "$source/README.md" echo_server.c >server.c
export PKG_CONFIG_LIBDIR=$work/root/usr/lib/$multiarch/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root
read -ra flags < <(pkg-config --cflags --libs socketserver)
cc -Wall -Wextra -Werror server.c "${flags[@]}" -o server
libdir=$work/root/usr/lib/$multiarch
LD_LIBRARY_PATH=$libdir ldd server | grep -q "libsocketserver.so.0 => $work" ||
	fail "the server does not find the packaged library"
LD_LIBRARY_PATH=$libdir root/usr/bin/socketserver handlers | grep -q '^echo' ||
	fail "the packaged program does not list its handlers"

if [[ $# -gt 1 ]]; then
	mkdir -p "$2"
	cp ./*.deb ./*.buildinfo ./*.changes "$2"
fi
packages=(./*.deb)
echo "${#packages[@]} packages"
