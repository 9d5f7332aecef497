#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lists the hand-written C sources, for the formatter and the style check.
cd "$(dirname "$0")/.."
find core config otlp transport pipeline extensions receivers processors exporters app tests bench tools \
    -name generated -prune -o -name node_modules -prune -o \( -name '*.c' -o -name '*.h' \) -print | sort
