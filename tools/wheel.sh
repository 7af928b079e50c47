#!/usr/bin/env bash
# Makes the portable wheel: libcurl, OpenSSL and libstdc++ linked in, glibc (with its libgcc_s) alone beside it.
#
#   tools/wheel.sh [PYTHON]
#
# PYTHON is python3 when none is given; from 3.12 on the wheel serves all later versions as well.
# The wheel lands in build/wheels; tools/check_wheel.sh proves it. docs/packaging.md explains.
set -euo pipefail

python=$(command -v "${1:-python3}") || { printf 'tools/wheel.sh: no %s\n' "${1:-python3}" >&2; exit 2; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wheels=$PWD/build/wheels
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv=$wheels/venv-$version
raw=$wheels/raw-$version

[[ -x $venv/bin/pip ]] || "$python" -m venv "$venv"
tools/venv.sh tools/requirements-wheel.txt "$venv"
tools/static_curl.sh "$wheels/curl"

rm -rf "$raw"
export PATH=$venv/bin:$PATH CMAKE_BUILD_PARALLEL_LEVEL=${JOBS:-$(nproc)}
pip --disable-pip-version-check wheel . --no-deps --no-build-isolation --quiet --wheel-dir "$raw" \
  --config-settings=cmake.define.CROSSRANK_CURL_STATIC="$wheels/curl" \
  --config-settings=cmake.define.CROSSRANK_STATIC_RUNTIME=ON \
  --config-settings=build-dir="build/python/portable-$version"
auditwheel repair --wheel-dir "$wheels" "$raw"/*.whl

# The newest symbols of glibc that are asked for: they decide the tag.
rm -rf "$raw/files"
python -m zipfile -e "$raw"/*.whl "$raw/files"
for file in "$raw"/files/crossrank/_core*.so "$raw/files/crossrank/bin/crossrank"; do
  objdump -T "$file" | sed -n 's/.*(\(GLIBC_[0-9.]*\)) *\(.*\)/\1 \2/p' | sort -V |
    awk -v file="${file##*/}" '{ by[$1] = by[$1] " " $2; last = $1 }
      END { printf "%s needs %s for:%s\n", file, last, by[last] }'
done
rm -rf "$raw"
newest=$(find "$wheels" -maxdepth 1 -name '*.whl' -printf '%T@ %p\n' | sort -n | tail -n 1)
auditwheel show "${newest#* }"
printf '%s\n' "${newest#* }" >"$wheels/newest-$version"
printf '%s: %s bytes\n' "${newest#* }" "$(stat -c %s "${newest#* }")"
