# SPDX-License-Identifier: Apache-2.0
"""Nothing planted in a request leaves: a value of each kind in every field of
every message, through the normalizer and the scrubber, into every output. What
is told about the data (logs, answers, counters) is searched as well."""
import base64
import json
import re
import urllib.parse
import urllib.request

import grpc
import otlp
import pytest
from conftest import free_ports, wait_until
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.common.v1 import common_pb2
from sink import HttpSink

EMAIL = "zoe.canary@corp-mail.com"
CARD = "4556737586899855"
KEY = "sk-proj-Qx7Zt2LmV9RkB4nW8cYd3Hf6"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6b2VjYW5hcnkifQ.c2lnbmF0dXJlb2Z6b2VjYW5hcnk"
PEM_BODY = "MIIEowIBAAKCAQEAzoeCANARYx7Zt2LmV9RkB4nW8cYd3Hf6Qq1"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----"

# What must not occur anywhere, nor any of it in these spellings.
NEEDLES = [EMAIL, "zoe.canary", CARD, KEY[8:], JWT.split(".")[1], JWT.split(".")[2], PEM_BODY]

NORMALIZED = "genai_normalizer, pii_scrubber"
TURNED = "pii_scrubber, genai_normalizer"
PLAIN = "pii_scrubber"


def escaped(text):
    return "".join(c if c.isalnum() and c not in "zc4" else f"\\u{ord(c):04x}" for c in text)


def nested_json(text, levels):
    for _ in range(levels):
        text = json.dumps({"m": text})
    return text


SECRETS = [EMAIL, CARD, KEY, JWT, PEM]
FORMS = [
    lambda v: v,
    lambda v: f"call {v} now",
    lambda v: f"head\0 {v} tail",
    lambda v: json.dumps({"k": v}),
    lambda v: nested_json(v, 5),
    lambda v: escaped(v),
    lambda v: json.dumps({"a": [{"b": escaped(v)}]}),
    lambda v: urllib.parse.quote(v, safe=""),
    lambda v: "https://h.example/p?q=" + urllib.parse.quote(v, safe=""),
    lambda v: v.replace("@", "\uff20").replace("-", "\u2010") if v in (EMAIL,) else f"<{v}>",
    lambda v: f'messages=[{{"role": "user", "content": "{v}"}}]',
]


class Plant:
    """Hands out the values in turn, so that every kind meets many fields."""

    def __init__(self, form):
        self.form, self.count = form, form

    def text(self):
        value = SECRETS[self.count % len(SECRETS)]
        form = FORMS[self.count // len(SECRETS) % len(FORMS)]
        self.count += 1
        return form(value)


def fill_any(value, plant, depth):
    kind = plant.count % 4 if depth < 20 else 0
    if kind == 0 or depth >= 20:
        value.string_value = plant.text()
    elif kind == 1:
        for _ in range(2):
            entry = value.kvlist_value.values.add()
            entry.key = plant.text() if plant.count % 2 else "gen_ai.prompt"
        fill_any(value.kvlist_value.values[0].value, plant, depth + 1)
        value.kvlist_value.values[1].value.string_value = plant.text()
    elif kind == 2:
        fill_any(value.array_value.values.add(), plant, depth + 1)
        value.array_value.values.add().bytes_value = plant.text().encode()
        value.array_value.values.add().int_value = int(CARD)
        value.array_value.values.add().double_value = float(CARD)
    else:
        value.bytes_value = plant.text().encode()
        plant.count += 1


def deep(plant):
    value = common_pb2.AnyValue()
    at = value
    for level in range(20):
        if level % 2:
            at = at.array_value.values.add()
        else:
            entry = at.kvlist_value.values.add()
            entry.key = plant.text()
            at = entry.value
    at.string_value = plant.text()
    return value


def fill(message, plant, depth=0):
    """Every field of the message by its descriptor; repeated ones twice."""
    if message.DESCRIPTOR.name == "AnyValue":
        fill_any(message, plant, depth)
        return message
    seen_oneofs = set()
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            if oneof.name in seen_oneofs or oneof.fields[plant.count % len(oneof.fields)] is not field:
                continue
            seen_oneofs.add(oneof.name)
        fill_field(message, field, plant, depth)
    return message


def fill_field(message, field, plant, depth):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        if field.is_repeated:
            for _ in range(2):
                fill(getattr(message, field.name).add(), plant, depth + 1)
        else:
            fill(getattr(message, field.name), plant, depth + 1)
    elif field.type == FieldDescriptor.TYPE_STRING:
        if field.is_repeated:
            getattr(message, field.name).extend([plant.text(), plant.text()])
        else:
            setattr(message, field.name, plant.text())
    elif field.type == FieldDescriptor.TYPE_BYTES:
        setattr(message, field.name, {"trace_id": b"t" * 16}.get(field.name, b"s" * 8)
                if field.name.endswith("_id") else plant.text().encode())
    elif not field.is_repeated and field.type != FieldDescriptor.TYPE_ENUM:
        setattr(message, field.name, field.type == FieldDescriptor.TYPE_BOOL or 1)


SOURCES = ["gen_ai.prompt", "llm.input_messages.0.message.content", "llm.input_messages.0.message.role",
           "input.value", "output.value", "ai.prompt.messages", "ai.response.text", "gen_ai.input.messages",
           "llm.invocation_parameters", "gen_ai.system", "gen_ai.prompt.0.content", "gen_ai.prompt.0.role",
           "gen_ai.completion.0.content", "gen_ai.completion.0.tool_calls.0.arguments", "llm.model_name",
           "ai.prompt", "llm.tools.0.tool.json_schema", "retrieval.documents.0.document.content", "server.address",
           "gen_ai.request.model", "gen_ai.response.finish_reasons", "tool.parameters", "url.full", "exception.message"]


def genai_attributes(record, plant):
    """What the normalizer reads, renames and rewrites, and the same key twice."""
    for key in SOURCES * 2:
        record.attributes.add(key=key).value.string_value = plant.text()
    chat = [{"role": "user", "content": [{"type": "text", "text": plant.text()}]},
            {"role": "assistant", "content": plant.text(),
             "tool_calls": [{"id": plant.text(), "function": {"name": plant.text(), "arguments": json.dumps({"a": plant.text()})}}]}]
    record.attributes.add(key="llm.input_messages").value.string_value = json.dumps(chat)
    record.attributes.add(key="gen_ai.output.messages").value.string_value = json.dumps(chat, ensure_ascii=False)
    record.attributes.add(key=plant.text()).value.CopyFrom(deep(plant))


def unknown_field(text):
    """Field 999, length-delimited, and a group with the text inside."""
    data = text.encode()
    length = bytes([len(data) & 0x7F | 0x80, len(data) >> 7]) if len(data) > 127 else bytes([len(data)])
    return b"\xba\x3e" + length + data + b"\xbb\x3e" + b"\x0a" + length + data + b"\xbc\x3e"


def build(signal, form):
    plant = Plant(form)
    request = fill(otlp.REQUESTS[signal](), plant)
    if signal != "metrics":
        for record in otlp.records(signal, request):
            genai_attributes(record, plant)
    return request


def with_unknown(signal, request):
    """Unknown fields in the request, the resources, scopes and records."""
    copy = otlp.REQUESTS[signal]()
    copy.CopyFrom(request)
    for group in copy.ListFields()[0][1]:
        for scope in next(v for f, v in group.ListFields() if f.name.startswith("scope_")):
            for record in next(v for f, v in scope.ListFields() if f.is_repeated):
                record.MergeFromString(unknown_field(EMAIL))
            scope.scope.MergeFromString(unknown_field(KEY))
            scope.MergeFromString(unknown_field(CARD))
        group.resource.MergeFromString(unknown_field(JWT))
        group.MergeFromString(unknown_field(EMAIL))
    copy.MergeFromString(unknown_field(EMAIL))
    return copy.SerializeToString()


def as_json(request):
    document = json_format.MessageToDict(request)

    def ids_in_hex(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("traceId", "spanId", "parentSpanId"):
                    node[key] = base64.b64decode(value).hex()
                else:
                    ids_in_hex(value)
        elif isinstance(node, list):
            for value in node:
                ids_in_hex(value)
    ids_in_hex(document)
    document["unknown" + EMAIL] = {"x": [EMAIL, {"y": CARD}]}
    return json.dumps(document).encode()


CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
processors:
  genai_normalizer:
  pii_scrubber:
exporters:
  file: {{path: {dir}/out.jsonl}}
  file/proto: {{path: {dir}/out.bin, format: proto}}
  stdout: {{color: never, quiet_time: 100ms}}
  stdout/json: {{format: json}}
  debug: {{verbosity: detailed, sampling_initial: 1000}}
  otlphttp: {{endpoint: "http://127.0.0.1:{sink}"}}
service:
  telemetry:
    logs: {{level: debug}}
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [file, file/proto, stdout, stdout/json, debug, otlphttp]}}
    metrics: {{receivers: [otlp], processors: [{processors}], exporters: [file, file/proto, stdout, stdout/json, debug, otlphttp]}}
    logs: {{receivers: [otlp], processors: [{processors}], exporters: [file, file/proto, stdout, stdout/json, debug, otlphttp]}}
"""

BLOBS = re.compile(r'"(?:bytesValue)":"([A-Za-z0-9+/=]*)"')


def find_leaks(text):
    """The needles in the text, and in it once unescaped and its base64 decoded."""
    views = [text, urllib.parse.unquote(text)]
    plain = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
    views.append(plain.replace("\uff20", "@").replace("\u2010", "-"))
    views += [base64.b64decode(m).decode(errors="replace") for m in BLOBS.findall(text)]
    return sorted({(needle, view[max(0, at - 60):at + 60]) for view in views for needle in NEEDLES
                   for at in [view.find(needle)] if at >= 0})[:5]


def check(name, text):
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    leaks = find_leaks(text)
    assert not leaks, f"{name}: {leaks}"


def malformed():
    """Requests that are refused: their answers must not quote them."""
    good = build("traces", 0).SerializeToString()
    yield "application/x-protobuf", good[:-3]
    yield "application/x-protobuf", EMAIL.encode()
    yield "application/x-protobuf", b"\x0a\x20" + EMAIL.encode()
    span = {"name": EMAIL, "traceId": EMAIL, "spanId": "00"}
    for document in ['{"resourceSpans": "%s"}' % EMAIL, '{"%s": ' % EMAIL, '{"resourceSpans":[{"%s":{]}' % CARD,
                     '{"resourceSpans":[{"schemaUrl":"%s\\u00zz"}]}' % KEY,
                     json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}),
                     json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": EMAIL}]}]}]}),
                     json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": EMAIL}]}]}]}),
                     json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [
                         {"key": "k", "value": {"intValue": CARD + "999999"}}]}]}]}]}),
                     json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [
                         {"key": "k", "value": {"bytesValue": "!!" + EMAIL}}]}]}]}]}),
                     EMAIL, f'"{EMAIL}"', f'[{CARD}']:
        yield "application/json", document.encode()


def send_all(sluice, channel, form):
    stubs = {"traces": trace_service_pb2_grpc.TraceServiceStub, "metrics": metrics_service_pb2_grpc.MetricsServiceStub,
             "logs": logs_service_pb2_grpc.LogsServiceStub}
    for signal in otlp.REQUESTS:
        request = build(signal, form)
        for body, content_type in ((with_unknown(signal, request), "application/x-protobuf"),
                                   (as_json(request), "application/json")):
            status, headers, answer = sluice.post(f"/v1/{signal}", body, content_type)
            assert status == 200, answer
            check("answer", answer)
            check("headers", str(headers))
        answer = stubs[signal](channel).Export(request)
        check("answer", str(answer))


def refuse_all(sluice, channel):
    for content_type, body in malformed():
        status, headers, answer = sluice.post("/v1/traces", body, content_type)
        assert 400 <= status < 500, (status, body)
        check("refusal", answer)
        check("refusal's headers", str(headers))
    for path in (f"/v1/{EMAIL}", "/v1/traces?to=" + EMAIL, f"/{CARD}"):
        check("unknown path", sluice.post(path, b"", "application/json")[2])
    check("odd type", sluice.post("/v1/traces", b"x", f"text/{EMAIL}")[2])
    check("odd coding", sluice.post("/v1/traces", b"x", "application/json", {"Content-Encoding": EMAIL})[2])
    export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                                 request_serializer=lambda b: b, response_deserializer=lambda b: b)
    with pytest.raises(grpc.RpcError) as refused:
        export(b"\x0a\x20" + EMAIL.encode())
    check("gRPC refusal", f"{refused.value.details()} {refused.value.trailing_metadata()}")


@pytest.mark.parametrize("processors", [NORMALIZED, PLAIN, TURNED])
def test_no_planted_value_leaves_by_any_way(start, processors):
    sink, metrics = HttpSink(), free_ports(1)[0]
    sluice = start(CONFIG, processors=processors, sink=sink.port, metrics=metrics)
    forms = range(0, len(SECRETS) * len(FORMS), 11)
    with grpc.insecure_channel(f"127.0.0.1:{sluice.grpc}") as channel:
        for form in forms:
            send_all(sluice, channel, form)
        refuse_all(sluice, channel)
    wait_until(lambda: len(sink.received) >= 9 * len(forms), "the destination", 30)
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as answer:
        check("metrics page", answer.read())
    sluice.stop()
    sink.close()
    check("log, debug and summary", sluice.stderr())
    check("standard output", sluice.stdout())
    check("file", (sluice.folder / "out.jsonl").read_text())
    check("protobuf file", (sluice.folder / "out.bin").read_bytes())
    for signal, request in sink.received:
        check("destination", request.SerializeToString())
        check("destination as JSON", json_format.MessageToJson(request, ensure_ascii=False, indent=None))
    sent = {signal: sum(1 for _ in otlp.records(signal, build(signal, 0))) for signal in otlp.REQUESTS}
    for signal, count in sent.items():
        got = sum(sum(1 for _ in otlp.records(s, r)) for s, r in sink.received if s == signal)
        assert got == count * 3 * len(forms), signal
