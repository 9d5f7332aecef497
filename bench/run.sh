#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: builds release and runs all benchmarks; fails only when one could not be
# measured. BENCH_BUILD names a build folder to use as it is.
set -u
cd "$(dirname "$0")/.."
build=${BENCH_BUILD:-}
if [ -z "$build" ]; then
    tools/build.sh release all || exit 1
    build=build/release
fi
failed=0

step() { # TITLE COMMAND...
    printf '\n== %s\n$ %s\n' "$1" "$(shift && echo "$*")"
    shift
    "$@" || failed=1
}

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || commit="$commit, changed since"
echo "machine   $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs"
echo "memory    $(sed -n 's/^MemTotal: *//p' /proc/meminfo)"
echo "load      $(cut -d ' ' -f 1-3 /proc/loadavg) before the start"
echo "kernel    $(uname -sr)"
echo "compiler  $(cc --version | head -n 1)"
echo "libraries libuv $(pkg-config --modversion libuv), nghttp2 $(pkg-config --modversion libnghttp2)," \
    "protobuf-c $(pkg-config --modversion libprotobuf-c)"
echo "commit    $commit"
echo "date      $(date -u +%Y-%m-%dT%H:%M:%SZ)"

step "telemetry in memory" "$build/bench/bench_otlp"
step "processors, component by component" "$build/bench/bench_processors"
step "the scrubber's scan alone, over large texts" "$build/bench/bench_scrub"
step "end to end over gRPC" python3 bench/end_to_end.py "$build"

[ $failed = 0 ] || echo "Something could not be measured: see above." >&2
exit $failed
