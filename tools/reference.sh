#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# reference.sh SLUICE [--check]: writes docs/reference from the configuration
# tables of the binary, or fails when what is there differs.
set -eu
cd "$(dirname "$0")/.."
folder=docs/reference
[ "${2:-}" = --check ] && folder=$(mktemp -d)
mkdir -p "$folder"
"$1" reference "$folder"
"$1" config-schema >"$folder/sluice.schema.json"
if [ "${2:-}" = --check ]; then
    diff -r "$folder" docs/reference || {
        echo "docs/reference is stale: run make generate" >&2
        exit 1
    }
    rm -r "$folder"
fi
