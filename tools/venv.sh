#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes build/venv with the Python packages of tests/requirements.txt, and
# tests/scenario/js/node_modules with the npm packages of its lock file.
set -eu
cd "$(dirname "$0")/.."
stamp=build/venv/.requirements
if ! cmp -s tests/requirements.txt "$stamp"; then
    echo "Installing Python packages into build/venv"
    python3 -m venv --clear build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt "$stamp"
fi
stamp=tests/scenario/js/node_modules/.lock
if ! cmp -s tests/scenario/js/package-lock.json "$stamp"; then
    echo "Installing npm packages into tests/scenario/js"
    (cd tests/scenario/js && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp tests/scenario/js/package-lock.json "$stamp"
fi
