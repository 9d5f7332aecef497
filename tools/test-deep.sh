#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long tests: clang-tidy, TSan over units and scenarios, valgrind over units, fuzzing, a
# soak. Each part runs to its end; any failure fails.
set -u
cd "$(dirname "$0")/.."
mkdir -p build/reports
failed=0
part() {
    echo "== $1"
    shift
    "$@" || {
        echo "FAILED"
        failed=1
    }
}
units() { # PRESET [ctest arguments]
    preset=$1
    shift
    tools/build.sh "$preset" all && ctest --test-dir "build/$preset" --output-on-failure -L unit "$@"
}
scenarios() {
    SLUICE="build/$1/sluice" build/venv/bin/python -m pytest -q -p no:cacheprovider tests/scenario
}
soak() {
    SLUICE=build/release/sluice SOAK_SECONDS="${SOAK_SECONDS:-300}" \
        build/venv/bin/python -m pytest -q -p no:cacheprovider tests/deep
}
# Without those that drive Python or shell, and those that compare times: nothing of the
# program is in the former, and the latter mean nothing at a fiftieth of the speed.
valgrind_units() {
    tools/build.sh dev all &&
        ctest --test-dir build/dev -L unit -E '^(compare|check)\.|linear' -j "$(nproc)" --overwrite MemoryCheckCommand=/usr/bin/valgrind \
            --overwrite "MemoryCheckCommandOptions=-q --leak-check=full --error-exitcode=99" -T memcheck
}
part "packages from PyPI and npm" tools/venv.sh
part "release build" tools/build.sh release all
part "clang-tidy" tools/tidy.sh
part "units under TSan" units tsan
part "scenarios under TSan" scenarios tsan
part "units under valgrind" valgrind_units
part "soak" soak
part "fuzzing" tools/fuzz.sh
exit $failed
