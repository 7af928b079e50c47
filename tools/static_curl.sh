#!/usr/bin/env bash
# Builds the static libcurl that the portable wheel carries: HTTP and HTTPS through a proxy or not,
# on the static OpenSSL of libssl-dev, from Debian's sources and security patches.
#
#   tools/static_curl.sh PREFIX
#
# PREFIX then holds include/curl, lib/libcurl.a, libssl.a, libcrypto.a and licenses/; it is what
# -DCROSSRANK_CURL_STATIC=PREFIX takes. Does nothing where PREFIX was made by this script, these
# versions and this OpenSSL. DEBIAN_MIRROR names another mirror, such as an archive of old revisions.
# docs/packaging.md says how to update.
set -euo pipefail

version=7.88.1
revision=10+deb12u15
# File | SHA-256, as in the signed .dsc of the package.
sources="curl_$version.orig.tar.gz \
cdb38b72e36bc5d33d5b8810f8018ece1baa29a8f215b4495e495ded82bbf3c7
curl_$version-$revision.debian.tar.xz \
961b78bc48492c5693e4decb352ddd176f343260a8956f48b2887874048ef23b"

die() {
  printf 'tools/static_curl.sh: %s\n' "$1" >&2
  exit 1
}

fetch() { # file, SHA-256: into $downloads
  local file=$1 sum=$2 base
  for base in "${DEBIAN_MIRROR:-http://deb.debian.org/debian}/pool/main/c/curl" \
    http://deb.debian.org/debian-security/pool/updates/main/c/curl; do
    if sha256sum --check --status <<<"$sum  $downloads/$file" 2>/dev/null; then return 0; fi
    curl --silent --show-error --fail --location --max-time 300 --output "$downloads/$file" \
      "$base/$file" || true
  done
  sha256sum --check --status <<<"$sum  $downloads/$file" 2>/dev/null ||
    die "no mirror has $file with the SHA-256 $sum"
}

[[ $# == 1 ]] || { printf 'usage: tools/static_curl.sh PREFIX\n' >&2; exit 2; }
prefix=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
downloads=$PWD/build/downloads
work=$PWD/build/static_curl

libraries=$(dirname "$(${CC:-cc} -print-file-name=libssl.a)")
[[ -f $libraries/libssl.a && -f $libraries/libcrypto.a ]] ||
  die 'libssl.a and libcrypto.a are missing (Debian and Ubuntu: libssl-dev)'
stamp=$prefix/made-from-$(cat tools/static_curl.sh "$libraries/libssl.a" \
  "$libraries/libcrypto.a" | sha256sum | cut -c1-16)
if [[ -f $stamp ]]; then exit 0; fi

rm -rf "$work" "$prefix"
mkdir -p "$downloads" "$work" "$prefix"/{lib,licenses}
while read -r file sum; do
  fetch "$file" "$sum"
  tar -xf "$downloads/$file" -C "$work"
done <<<"$sources"
source=$work/curl-$version
# The last two make the GnuTLS and NSS flavours out of it.
grep -vE '^(#|$|90_gnutls|99_nss)' "$work/debian/patches/series" | while read -r patch; do
  patch --directory "$source" --strip 1 --forward --quiet <"$work/debian/patches/$patch" ||
    die "$patch does not apply"
done

# No default CA file: distributions keep it in different places, src/base/curl_api.cc knows which.
# Hidden symbols: what links this must not offer a libcurl of its own to others.
cmake -S "$source" -B "$work/build" -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
  -DCMAKE_C_FLAGS="-fvisibility=hidden -ffile-prefix-map=$work=." \
  -DBUILD_SHARED_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DPICKY_COMPILER=OFF \
  -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DOPENSSL_USE_STATIC_LIBS=ON \
  -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none \
  -DCURL_DISABLE_NTLM=ON -DCURL_DISABLE_NETRC=ON -DCURL_DISABLE_ALTSVC=ON \
  -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_DOH=ON \
  -DCURL_DISABLE_MIME=ON -DCURL_DISABLE_PROGRESS_METER=ON -DENABLE_UNIX_SOCKETS=OFF \
  -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_ZLIB=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF \
  -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBSSH=OFF -DCURL_USE_GSSAPI=OFF
cmake --build "$work/build" --target install >"$work/build.log" ||
  { tail -30 "$work/build.log" >&2; die 'libcurl did not build'; }
cp "$libraries/libssl.a" "$libraries/libcrypto.a" "$prefix/lib/"
cp "$source/COPYING" "$prefix/licenses/curl.txt"
touch "$stamp"
printf 'Built libcurl %s-%s with %s into %s\n' "$version" "$revision" \
  "$(sed -n 's/^# *define OPENSSL_VERSION_TEXT "\(.*\)"/\1/p' \
    "$(printf '#include <openssl/opensslv.h>\n' | ${CC:-cc} -M -x c - | tr ' ' '\n' |
      grep -m1 'openssl/opensslv.h')")" "$prefix"
