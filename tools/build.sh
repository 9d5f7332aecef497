#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh PRESET TARGET: configures when needed and builds, quietly unless it fails.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
log=build/$1.log
if ! { cmake --preset "$1" && cmake --build --preset "$1" --target "$2"; } >"$log" 2>&1; then
    grep -E 'error|warning|FAILED|undefined' "$log" | head -n 40 >&2 || true
    tail -n 20 "$log" >&2
    echo "build failed: see $log" >&2
    exit 1
fi
