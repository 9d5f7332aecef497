#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that a make target needs and that are missing.
#   packages.sh build|test|interop|deep     install
#   packages.sh --list build|test|...       only print the names
# Says which packages it installs. Uses sudo when not root; where it may not
# install, it prints the command to run and fails.
set -eu

build="gcc cmake ninja-build pkg-config libuv1-dev libprotobuf-c-dev libnghttp2-dev libzstd-dev
    zlib1g-dev libssl-dev libyaml-dev"
test="$build libcmocka-dev protobuf-c-compiler protobuf-compiler clang-format-14 python3 python3-venv
    curl jq zstd procps"
interop="$test nghttp2-client openjdk-17-jdk-headless maven git"
deep="$test clang-14 clang-tidy-14 libclang-rt-14-dev valgrind"

list_only=no
if [ "${1:-}" = --list ]; then
    list_only=yes
    shift
fi
case "${1:-}" in
build) wanted=$build ;;
test) wanted=$test ;;
interop) wanted=$interop ;;
deep) wanted=$deep ;;
*)
    echo "usage: packages.sh [--list] build|test|interop|deep" >&2
    exit 2
    ;;
esac
# A Node.js or JDK that is already on the PATH is good enough; npm's Debian package is large.
if [ "$1" != build ] && ! command -v npm >/dev/null 2>&1; then
    wanted="$wanted nodejs npm"
fi
if command -v mvn >/dev/null 2>&1 && command -v javac >/dev/null 2>&1; then
    wanted=$(echo "$wanted" | sed 's/openjdk-17-jdk-headless maven//')
fi
if [ $list_only = yes ]; then
    echo $wanted
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null 2>&1; then
    sudo=sudo
else
    echo "Missing packages:$missing" >&2
    echo "As root, run: apt-get update && $command" >&2
    exit 1
fi
echo "Installing Debian packages:$missing"
log=$(mktemp)
if ! { $sudo apt-get update && DEBIAN_FRONTEND=noninteractive $sudo $command; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "Could not install them. Run: ${sudo:+sudo }apt-get update && ${sudo:+sudo }$command" >&2
    exit 1
fi
rm -f "$log"
