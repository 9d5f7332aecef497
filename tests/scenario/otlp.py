# SPDX-License-Identifier: Apache-2.0
"""OTLP in Python's official messages: made, read, compared."""
import base64
import binascii
import json
import pathlib
import re

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/corpus"

REQUESTS = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
}
RESPONSES = {
    "traces": trace_service_pb2.ExportTraceServiceResponse,
    "metrics": metrics_service_pb2.ExportMetricsServiceResponse,
    "logs": logs_service_pb2.ExportLogsServiceResponse,
}
ROOTS = {"resourceSpans": "traces", "resourceMetrics": "metrics", "resourceLogs": "logs"}
IDS = re.compile(r'"(traceId|spanId|parentSpanId)":\s*"([0-9a-fA-F]*)"')


def from_json(signal, text):
    """OTLP/JSON writes ids in hex where protobuf's JSON wants base64."""
    def patch(match):
        code = base64.b64encode(binascii.unhexlify(match.group(2))).decode()
        return f'"{match.group(1)}":"{code}"'
    return json_format.Parse(IDS.sub(patch, text), REQUESTS[signal](), ignore_unknown_fields=True)


def read_lines(path):
    """A file of OTLP/JSON lines as [(signal, request)]."""
    found = []
    for line in pathlib.Path(path).read_text().splitlines():
        document = json.loads(line)
        root = next(iter(document), "resourceSpans")
        found.append((ROOTS[root], from_json(ROOTS[root], line)))
    return found


def records(signal, request):
    """All spans, metrics or log records of a request."""
    for group in getattr(request, f"resource_{ {'traces': 'spans'}.get(signal, signal)}"):
        for scope in getattr(group, f"scope_{ {'traces': 'spans'}.get(signal, signal)}"):
            yield from getattr(scope, {"traces": "spans", "metrics": "metrics", "logs": "log_records"}[signal])


def corpus():
    """Rows of the manifest that are OTLP: (path, signal, content type, body)."""
    rows = []
    lines = (CORPUS / "MANIFEST.tsv").read_text().splitlines()
    names = lines[0].split("\t")
    for line in lines[1:]:
        row = dict(zip(names, line.split("\t")))
        path = CORPUS / row["file"]
        if row["signal"] not in REQUESTS or not path.exists():
            continue
        rows.append((row["file"], row["signal"], row["protocol"], row["content_type"], path.read_bytes()))
    assert len(rows) > 500
    return rows


def parse_body(signal, content_type, body):
    if "json" in content_type:
        return from_json(signal, body.decode())
    request = REQUESTS[signal]()
    request.ParseFromString(body)
    return request
