# SPDX-License-Identifier: Apache-2.0
"""Go and Java SDKs, telemetrygen, grpcurl and h2spec against the receiver."""
import json
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/scenario"))
import otlp  # noqa: E402
from conftest import start, to_file  # noqa: E402,F401  (the scenario tests' fixtures)

TOOLS = ROOT / "build/interop"
PROTOCOLS = ["grpc", "grpc-gzip", "http", "http-gzip"]


def run(*command, timeout=120):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def names(sluice):
    return [r.name for signal, request in otlp.read_lines(sluice.output) if signal == "traces"
            for r in otlp.records(signal, request)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_go_sdk_delivers(to_file, protocol):  # noqa: F811
    sluice = to_file(workers=2)
    port = sluice.grpc if protocol.startswith("grpc") else sluice.http
    done = run(TOOLS / "go-client", protocol, f"127.0.0.1:{port}", "60")
    assert done.returncode == 0, done.stderr
    sluice.stop()
    assert sorted(names(sluice)) == sorted(f"go-{protocol}-{i}" for i in range(60))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_java_sdk_delivers(to_file, protocol):  # noqa: F811
    sluice = to_file(workers=2)
    port = sluice.grpc if protocol.startswith("grpc") else sluice.http
    done = run("java", "-cp", f"{TOOLS}/java/classes:{TOOLS}/java/lib/*", "sluice.Client", protocol, f"http://127.0.0.1:{port}", "60")
    assert done.returncode == 0, done.stderr
    sluice.stop()
    assert sorted(names(sluice)) == sorted(f"java-{protocol}-{i}" for i in range(60))


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize("http", [False, True], ids=["grpc", "http"])
def test_telemetrygen_delivers(to_file, signal, http):  # noqa: F811
    sluice = to_file()
    extra = ["--otlp-http"] if http else []
    port = sluice.http if http else sluice.grpc
    done = run(TOOLS / "telemetrygen", signal, "--otlp-endpoint", f"127.0.0.1:{port}", "--otlp-insecure", f"--{signal}", "20", *extra)
    assert done.returncode == 0, done.stderr
    sluice.stop()
    got = [r for s, request in otlp.read_lines(sluice.output) if s == signal for r in otlp.records(s, request)]
    assert len(got) >= 20


def grpcurl(sluice, service, body, *extra):
    return run(TOOLS / "grpcurl", "-plaintext", "-import-path", ROOT / "otlp/proto", "-proto",
               f"opentelemetry/proto/collector/{service}.proto", *extra, "-d", body, f"127.0.0.1:{sluice.grpc}",
               "opentelemetry.proto.collector." + service.replace("/", ".").rsplit(".", 1)[0] + ".TraceService/Export")


def test_grpcurl_gets_answers_and_errors(to_file):  # noqa: F811
    sluice = to_file()
    span = {"traceId": "AQIDBAUGBwgJCgsMDQ4PEA==", "spanId": "AQIDBAUGBwg=", "name": "by grpcurl"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    good = grpcurl(sluice, "trace/v1/trace_service", json.dumps(body))
    assert good.returncode == 0, good.stderr
    span["traceId"] = "AQID"
    bad = grpcurl(sluice, "trace/v1/trace_service", json.dumps(body))
    assert bad.returncode != 0 and "InvalidArgument" in bad.stderr
    unknown = run(TOOLS / "grpcurl", "-plaintext", f"127.0.0.1:{sluice.grpc}", "list")
    assert unknown.returncode != 0 and "reflection" in unknown.stderr.lower()
    sluice.stop()
    assert names(sluice) == ["by grpcurl"]


def test_h2spec_passes_every_case(to_file):  # noqa: F811
    sluice = to_file()
    done = run(TOOLS / "h2spec", "-p", str(sluice.grpc), "--strict", "-o", "3", "-P", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", timeout=300)
    found = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", done.stdout)
    assert found, done.stdout[-2000:]
    total, passed, skipped, failed = map(int, found.groups())
    assert total >= 145 and failed == 0 and skipped == 0, done.stdout[-6000:]
    sluice.stop()


def test_the_collectors_reader_reads_the_file(to_file):  # noqa: F811
    sluice = to_file()
    expected = [0, 0, 0]
    for name, signal, _, content_type, body in otlp.corpus():
        content_type = "application/json" if "json" in content_type else "application/x-protobuf"
        assert sluice.post(f"/v1/{signal}", body, content_type)[0] == 200, name
        for record in otlp.records(signal, otlp.parse_body(signal, content_type, body)):
            at = list(otlp.REQUESTS).index(signal)
            data = record.WhichOneof("data") if signal == "metrics" else None
            expected[at] += len(getattr(record, data).data_points) if data else signal != "metrics"
    sluice.stop()
    done = run(TOOLS / "go-read", sluice.output)
    assert done.returncode == 0, done.stderr
    assert list(map(int, done.stdout.split())) == expected
