#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh SLUICE [--keep]: starts the default pipeline, sends it the sample
# trace, shows the result; with --keep it serves on until Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
sluice=$1
sample=app/samples/agent-run.jsonl

"$sluice" &
pid=$!
# Ctrl-C reaches sluice itself, with the whole foreground group; a second signal from
# here would end it at once.
trap : INT
trap 'kill -TERM $pid 2>/dev/null' TERM

# Waits for the end of sluice through the signals that interrupt a wait.
finish() {
    while kill -0 $pid 2>/dev/null; do
        wait $pid && code=0 || code=$?
    done
    exit "${code:-0}"
}

# Ready when it answers; over when it ended instead (its own message says why). A
# moment first: with its ports taken it ends before somebody else answers for it.
sleep 0.3
tries=0
until kill -0 $pid 2>/dev/null && "$sluice" send --endpoint http://127.0.0.1:4318 "$sample" 2>/dev/null; do
    tries=$((tries + 1))
    if ! kill -0 $pid 2>/dev/null; then
        wait $pid || code=$?
        echo "sluice did not start: are the ports 4317 and 4318 of 127.0.0.1 taken?" >&2
        exit "${code:-1}"
    fi
    if [ $tries -ge 50 ]; then
        kill $pid
        echo "sluice does not answer on 127.0.0.1:4318" >&2
        exit 1
    fi
    sleep 0.1
done

if [ "${2:-}" = --keep ]; then
    sleep 2.5
    echo
    echo "Serving OTLP on 127.0.0.1:4317 (gRPC) and 127.0.0.1:4318 (HTTP). Ctrl-C stops."
    echo "Point an SDK here: OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
else
    sleep 2.5
    kill -INT $pid
fi
finish
