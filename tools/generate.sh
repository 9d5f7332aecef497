#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes otlp/generated from otlp/proto. With --check: makes it in a temporary
# folder and fails when that differs from what is committed (77: cannot tell,
# there is no protoc-c).
# Needs protobuf-compiler, protobuf-c-compiler, libprotobuf-c-dev and a C compiler.
set -eu
LC_ALL=C
export LC_ALL

root=$(cd "$(dirname "$0")/.." && pwd)
case "${1:-}" in
'' | --check) ;;
*)
    echo "usage: tools/generate.sh [--check]" >&2
    exit 2
    ;;
esac
if ! command -v protoc-c >/dev/null; then
    echo "tools/generate.sh: protoc-c is missing (package protobuf-c-compiler)" >&2
    [ "${1:-}" = --check ] && exit 77
    exit 1
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
out=$temporary/generated
mkdir "$out"

cd "$root/otlp/proto"
protos=$(find . -name '*.proto' | sed 's|^\./||' | sort)
# shellcheck disable=SC2086 # the names have no blanks
protoc-c -I. --c_out="$out" $protos

cd "$out"
sources=$(find . -name '*.pb-c.c' | sort)
# shellcheck disable=SC2046,SC2086 # flags and names are to be split
"${CC:-cc}" -std=gnu11 -Wall -Wextra -I. "$root/tools/gen_schema.c" $sources \
    $(pkg-config --cflags --libs libprotobuf-c) -o "$temporary/gen_schema"
"$temporary/gen_schema" >schema.c
find . -name '*.pb-c.[ch]' -exec sed -i '1i /* SPDX-License-Identifier: Apache-2.0 */' {} +

if [ "${1:-}" = --check ]; then
    if ! diff -r "$out" "$root/otlp/generated" >"$temporary/difference"; then
        head -n 40 "$temporary/difference" >&2
        echo "otlp/generated is not what otlp/proto gives: run tools/generate.sh" >&2
        exit 1
    fi
    echo "otlp/generated is up to date"
else
    rm -rf "$root/otlp/generated"
    mkdir "$root/otlp/generated"
    cp -r "$out/." "$root/otlp/generated"
fi
