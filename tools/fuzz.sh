#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs each libFuzzer target for FUZZ_SECONDS (60), two at a time. New inputs go to
# build/fuzz-corpus, findings to build/fuzz-findings; a finding fails.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
tools/build.sh fuzz all
mkdir -p build/fuzz-findings
targets=$(sed -n 's/^sl_fuzz(\([a-z0-9_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
[ -n "$targets" ] || exit 1
run_one() {
    mkdir -p "build/fuzz-corpus/$1"
    if "build/fuzz/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
        -artifact_prefix="build/fuzz-findings/$1-" "build/fuzz-corpus/$1" "tests/fuzz/corpus/$1" >"build/fuzz-$1.log" 2>&1; then
        echo "fuzz $1: clean. $(grep '^Done ' "build/fuzz-$1.log")"
    else
        echo "fuzz $1: FOUND something, see build/fuzz-$1.log"
        tail -n 20 "build/fuzz-$1.log"
        touch build/fuzz-failed
    fi
}
rm -f build/fuzz-failed
set -- $targets
while [ $# -gt 0 ]; do
    run_one "$1" &
    shift
    if [ $# -gt 0 ]; then
        run_one "$1" &
        shift
    fi
    wait
done
[ ! -e build/fuzz-failed ]
