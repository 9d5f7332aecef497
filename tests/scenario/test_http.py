# SPDX-License-Identifier: Apache-2.0
"""The receiver's answers over HTTP, by curl where a real client matters."""
import gzip
import json
import subprocess

import otlp
import pytest
import zstandard
from google.rpc import status_pb2

SPAN = {"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": "one"}
DOCUMENT = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}
JSON = json.dumps(DOCUMENT).encode()
PROTO = otlp.from_json("traces", JSON.decode()).SerializeToString()
PB = "application/x-protobuf"


@pytest.fixture
def sluice(to_file):
    return to_file()


CASES = [
    # name, method, path, content type, headers, body, status
    ("protobuf", "POST", "/v1/traces", PB, {}, PROTO, 200),
    ("json", "POST", "/v1/traces", "application/json", {}, JSON, 200),
    ("json with a charset", "POST", "/v1/traces", "Application/JSON; charset=UTF-8", {}, JSON, 200),
    ("an empty request", "POST", "/v1/traces", PB, {}, b"", 200),
    ("an empty document", "POST", "/v1/traces", "application/json", {}, b"{}", 200),
    ("gzip", "POST", "/v1/traces", PB, {"Content-Encoding": "gzip"}, gzip.compress(PROTO), 200),
    ("two gzip members", "POST", "/v1/traces", "application/json", {"Content-Encoding": "gzip"},
     gzip.compress(JSON[:20]) + gzip.compress(JSON[20:]), 200),
    ("zstd", "POST", "/v1/traces", PB, {"Content-Encoding": "zstd"},
     zstandard.ZstdCompressor().compress(PROTO), 200),
    ("a bad gzip body", "POST", "/v1/traces", PB, {"Content-Encoding": "gzip"}, b"nonsense", 400),
    ("garbage behind gzip", "POST", "/v1/traces", PB, {"Content-Encoding": "gzip"},
     gzip.compress(PROTO) + b"more", 400),
    ("an unknown coding", "POST", "/v1/traces", PB, {"Content-Encoding": "br"}, PROTO, 415),
    ("truncated protobuf", "POST", "/v1/traces", PB, {}, PROTO[:-3], 400),
    ("broken json", "POST", "/v1/traces", "application/json", {}, b'{"resourceSpans":[', 400),
    ("json with a tail", "POST", "/v1/traces", "application/json", {}, JSON + b" x", 400),
    ("a short trace id", "POST", "/v1/traces", "application/json", {},
     JSON.replace(b"0102030405060708090a0b0c0d0e0f10", b"0102"), 400),
    ("no content type", "POST", "/v1/traces", "", {}, PROTO, 415),
    ("another content type", "POST", "/v1/traces", "text/plain", {}, PROTO, 415),
    ("an unknown path", "POST", "/v1/profiles", PB, {}, PROTO, 404),
    ("a trailing slash", "POST", "/v1/traces/", PB, {}, PROTO, 404),
    ("another method", "PUT", "/v1/traces", PB, {}, PROTO, 405),
    ("a body over the limit", "POST", "/v1/traces", PB, {}, bytes(21 << 20), 413),
    ("a bomb", "POST", "/v1/traces", PB, {"Content-Encoding": "gzip"}, gzip.compress(bytes(64 << 20)), 413),
]


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_each_request_gets_its_answer(sluice, tmp_path, version, case):
    _, method, path, content_type, headers, body, expected = case
    (tmp_path / "body").write_bytes(body)
    command = ["curl", "-s", version, "-X", method, "-o", tmp_path / "answer", "-w", "%{http_code} %{content_type}",
               "--data-binary", f"@{tmp_path / 'body'}", "-H", f"Content-Type: {content_type}" if content_type else "Content-Type:"]
    for key, value in headers.items():
        command += ["-H", f"{key}: {value}"]
    done = subprocess.run([*command, f"http://127.0.0.1:{sluice.http}{path}"], capture_output=True, timeout=30)
    status, _, got_type = done.stdout.decode().partition(" ")
    assert status == str(expected), done
    answer = (tmp_path / "answer").read_bytes() if (tmp_path / "answer").exists() else b""
    if expected == 200 and "json" in content_type.lower():
        assert json.loads(answer) == {} and got_type.startswith("application/json")
    elif expected == 200:
        assert answer == b"" and got_type == PB
    elif expected == 400 and content_type == PB:
        message = status_pb2.Status()
        message.ParseFromString(answer)
        assert message.code == 3 and message.message
    elif expected == 400:
        parsed = json.loads(answer)
        assert parsed["code"] == 3 and parsed["message"]


def test_curl_waits_for_100_continue_and_sends_in_chunks(sluice, tmp_path):
    (tmp_path / "body").write_bytes(PROTO)
    url = f"http://127.0.0.1:{sluice.http}/v1/traces"
    for extra in (["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"]):
        done = subprocess.run(["curl", "-s", "--http1.1", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", *extra,
                               "-H", f"Content-Type: {PB}", "--data-binary", f"@{tmp_path / 'body'}", url],
                              capture_output=True, timeout=30)
        assert done.stdout == b"200", done


def test_a_connection_is_kept_for_the_next_request(sluice, tmp_path):
    (tmp_path / "body").write_bytes(PROTO)
    url = f"http://127.0.0.1:{sluice.http}/v1/traces"
    one = ["-H", f"Content-Type: {PB}", "--data-binary", f"@{tmp_path / 'body'}", "-o", "/dev/null",
           "-w", "%{http_code} %{num_connects}\n", url]
    done = subprocess.run(["curl", "-s", *one, "--next", "-s", *one], capture_output=True, timeout=30)
    assert done.stdout.decode().split() == ["200", "1", "200", "0"]


def test_a_signal_without_a_pipeline_is_not_found(start):
    sluice = start("""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
exporters: {{nop: }}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
""")
    assert sluice.post("/v1/traces", PROTO, PB)[0] == 200
    assert sluice.post("/v1/logs", b"", PB)[0] == 404
    sluice.stop()
