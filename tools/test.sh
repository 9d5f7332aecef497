#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs every test, plain and under ASan+UBSan, and ends in a count.
set -u
cd "$(dirname "$0")/.."
mkdir -p build/reports
rm -f build/reports/*
failed=0

step() {
    echo "== $1"
    shift
    start=$(date +%s)
    "$@" || failed=1
    echo "   $(($(date +%s) - start)) s"
}

unit() { # PRESET
    tools/build.sh "$1" all &&
        ctest --test-dir "build/$1" --output-on-failure -j "$(nproc)" --output-junit "$PWD/build/reports/unit-$1.xml" \
            >"build/reports/unit-$1.log" 2>&1 || {
        tail -n 60 "build/reports/unit-$1.log"
        return 1
    }
}

scenario() { # PRESET
    SLUICE="build/$1/sluice" build/venv/bin/python -m pytest -q -p no:cacheprovider tests/scenario \
        --junit-xml="build/reports/scenario-$1.xml" >"build/reports/scenario-$1.log" 2>&1 || {
        tail -n 80 "build/reports/scenario-$1.log"
        return 1
    }
}

style() {
    build/venv/bin/python -m pytest -q -p no:cacheprovider tests/style --junit-xml=build/reports/style.xml \
        >build/reports/style.log 2>&1 || {
        tail -n 60 build/reports/style.log
        return 1
    }
}

step "packages from PyPI and npm" tools/venv.sh
step "release build" tools/build.sh release all
step "unit, golden and fuzz-corpus tests" unit dev
step "the same under ASan+UBSan" unit asan
step "style, layers, generated files" style
step "scenarios" scenario release
step "scenarios under ASan+UBSan" scenario asan
python3 tools/count.py build/reports || failed=1
exit $failed
