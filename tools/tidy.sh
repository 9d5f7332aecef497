#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy (.clang-tidy) over the sources of the program.
set -eu
cd "$(dirname "$0")/.."
tools/build.sh dev sluice
tools/sources.sh | grep -E '^(core|config|otlp|transport|pipeline|extensions|receivers|processors|exporters|app)/.*\.c$' |
    xargs -P "$(nproc)" -n 4 clang-tidy-14 --quiet -p build/dev
