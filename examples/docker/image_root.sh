#!/bin/sh
# Lays out the files of the image: the binary, the libraries that it opens, its health check. Builds
# nothing. The Dockerfile runs it in its build stage.
#
#   image_root.sh BINARY FOLDER yes|no     the last: with libcurl
set -eu
binary=$1 root=$2 curl=$3
mkdir -p "$root/usr/bin" "$root/etc" "$root/usr/share/doc/crossrank" "$root/tmp" /empty
chmod 1777 "$root/tmp"

install -s -m 755 "$binary" "$root/usr/bin/crossrank"
install -m 755 /bin/busybox "$root/usr/bin/wget"
install -m 644 LICENSE NOTICE "$root/usr/share/doc/crossrank"
printf 'crossrank:x:65532:65532::/cache:/nonexistent\n' >"$root/etc/passwd"
printf 'crossrank:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

# The file that a name such as libcurl.so.4 stands for.
library() { ldconfig -p | awk -v name="$1" '$1 == name { print $NF; exit }'; }

# With what they need in turn, under the names by which they are asked for.
copy_libraries() {
  ldd "$@" | grep -o '/[^ )]*' | grep -v ':$' | sort -u | while read -r file; do
    mkdir -p "$root${file%/*}"
    cp -L "$file" "$root$file"
  done
}

copy_libraries "$binary"
if [ "$curl" = yes ]; then
  # apt-get's lists are there from the packages of the build.
  apt-get install -y --no-install-recommends ca-certificates libcurl4
  libcurl=$(library libcurl.so.4)
  copy_libraries "$libcurl"
  mkdir -p "$root${libcurl%/*}" "$root/etc/ssl/certs"
  cp -L "$libcurl" "$root$libcurl"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs"
fi
du -sh "$root"
