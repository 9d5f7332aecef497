#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the JSON tokenizer with Python's json, and the transcoding with protobuf's.

Usage: json_compare.py OTLP_TOOL SOURCE_DIR [FOLDER_OF_CAPTURES]

OTLP_TOOL is the built test program otlp_tool. Captures are *.pb below a folder
(tests/corpus when none is given), named like <scenario>[.logs|.metrics]-<n>.pb.
Exit code 77, which ctest reports as skipped, when the Python packages
opentelemetry-proto and protobuf are missing.
"""
import base64
import glob
import json
import math
import os
import random
import re
import struct
import subprocess
import sys

try:
    from google.protobuf import json_format
    from google.protobuf.descriptor import FieldDescriptor as F
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(77)

REQUESTS = [trace_service_pb2.ExportTraceServiceRequest,
            metrics_service_pb2.ExportMetricsServiceRequest,
            logs_service_pb2.ExportLogsServiceRequest]
IDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, mode, message, data):
        pipe = self.process
        pipe.stdin.write(mode.encode() + struct.pack("<BI", message, len(data)) + data)
        pipe.stdin.flush()
        status, size = struct.unpack("<BI", pipe.stdout.read(5))
        return status, pipe.stdout.read(size)


class Check:
    def __init__(self):
        self.count = self.failed = 0

    def __call__(self, ok, what, *details):
        self.count += 1
        if not ok:
            self.failed += 1
            if self.failed <= 20:
                print("FAILED: %s" % what, *("\n    %.2000r" % (d,) for d in details))


# ---- the tokenizer ----

def refuse_constant(name):
    raise ValueError(name)


def python_json(data):
    """(valid, value), by Python's rules made as strict as RFC 8259."""
    try:
        text = data.decode("utf-8")
        return True, json.loads(text, parse_constant=refuse_constant, parse_int=str,
                                parse_float=str, object_pairs_hook=lambda p: {"pairs": p})
    except (ValueError, RecursionError):
        return False, None


def without_surrogates(value):
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {"pairs": [(without_surrogates(k), without_surrogates(v))
                          for k, v in value["pairs"]]}
    return value


def compare_text(tool, check, data):
    valid, value = python_json(data)
    status, out = tool.run("r", 0, data)
    check((status == 0) == valid, "valid or not", data, out)
    if valid and status == 0:
        check(python_json(out)[1] == without_surrogates(value), "value", data, out)


def read_cases(source):
    cases = []
    with open(os.path.join(source, "tests/unit/otlp/json_cases.txt"), "rb") as file:
        for line in file:
            if line[:1] in b"yn":
                text = line.rstrip(b"\n")[2:]
                cases.append(re.sub(rb"%([0-9A-F]{2})",
                                    lambda m: bytes([int(m.group(1), 16)]), text))
    return cases


def compare_tokenizer(tool, check, source, rng):
    cases = read_cases(source)
    alphabet = b'{}[]:,"\\ \n0123456789.eE+-truefalsnl/ubx\x00\x1f\x7f\x80\xc3\xa9\xed\xa0'
    for case in cases:
        compare_text(tool, check, case)
    for _ in range(20000):
        data = bytearray(rng.choice(cases) if rng.random() < 0.7 else
                         rng.choice(cases) + rng.choice(cases))
        for _ in range(rng.randint(1, 3)):
            at = rng.randint(0, len(data))
            data[at:at + rng.randint(0, 2)] = bytes(rng.choices(alphabet, k=rng.randint(0, 2)))
        compare_text(tool, check, bytes(data))
    for _ in range(20000):
        bits = rng.getrandbits(64) if rng.random() < 0.7 else struct.unpack(
            "<Q", struct.pack("<d", rng.choice([rng.random(), rng.randint(-10**9, 10**9) / 1000,
                                                float(rng.randint(0, 10**18))])))[0]
        value = struct.unpack("<d", struct.pack("<Q", bits))[0]
        text = tool.run("d", 0, struct.pack("<Q", bits))[1].decode()
        if math.isfinite(value):
            shortest = len(digits_of(repr(value)))
            check(float(text) == value, "double", value, text)
            # Beside a power of two the nearest 16 digits may be a hair too far.
            check(len(digits_of(text)) <= max(shortest, 0) + (shortest == 16), "digits", value, text)


def digits_of(text):
    return text.split("e")[0].replace("-", "").replace(".", "").strip("0")


# ---- the transcoding ----

def hex_ids(value):
    """Of protobuf's JSON: ids are hex in OTLP."""
    if isinstance(value, list):
        return [hex_ids(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: base64.b64decode(v).hex() if k in IDS and isinstance(v, str) else hex_ids(v)
            for k, v in value.items()}


def ints_as_numbers(value):
    if isinstance(value, list):
        return [ints_as_numbers(v) for v in value]
    if not isinstance(value, dict):
        return value
    numbers = re.compile(r"(intValue|asInt|count|.*Nano|bucketCounts|zeroCount)$")
    return {k: (int(v) if isinstance(v, str) else [int(i) for i in v] if isinstance(v, list) else v)
            if numbers.match(k) else ints_as_numbers(v) for k, v in value.items()}


def same(a, b):
    return a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True)


def parse(cls, data):
    message = cls()
    message.ParseFromString(data)
    return message


def compare_message(tool, check, which, message, name):
    cls = REQUESTS[which]
    wire = message.SerializeToString()
    status, text = tool.run("j", which, wire)
    check(status == 0, "wire to JSON", name, text)
    if status != 0:
        return
    expected = hex_ids(json_format.MessageToDict(message, use_integers_for_enums=True))
    check(json.loads(text) == expected, "JSON", name, text, expected)
    variants = {
        "own": text,
        "official": json.dumps(expected).encode(),
        "utf-8, indented": json.dumps(expected, ensure_ascii=False, indent=1).encode(),
        "snake_case": json.dumps(hex_ids(json_format.MessageToDict(
            message, preserving_proto_field_name=True, use_integers_for_enums=True))).encode(),
        "enum names": json.dumps(hex_ids(json_format.MessageToDict(message))).encode(),
        "numbers": json.dumps(ints_as_numbers(expected)).encode(),
        "all defaults": json.dumps(hex_ids(json_format.MessageToDict(
            message, use_integers_for_enums=True,
            always_print_fields_with_no_presence=True))).encode(),
    }
    for variant, data in variants.items():
        status, out = tool.run("w", which, data)
        check(status == 0, "JSON to wire, " + variant, name, out, data)
        if status == 0:
            check(same(parse(cls, out), message), "wire, " + variant, name, out)


def compare_captures(tool, check, folder):
    files = sorted(glob.glob(os.path.join(folder, "**", "*.pb"), recursive=True))
    for path in files:
        which = 1 if ".metrics-" in path else 2 if ".logs-" in path else 0
        with open(path, "rb") as file:
            data = file.read()
        compare_message(tool, check, which, parse(REQUESTS[which], data), path)
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.json"), recursive=True)):
        if path.endswith(".decoded.json") or ".http_" in path or "/fuzz/" in path:
            continue
        which = 1 if ".metrics-" in path else 2 if ".logs-" in path else 0
        with open(path, "rb") as file:
            data = file.read()
        if b'"resource' not in data[:200]:
            continue
        status, wire = tool.run("w", which, data)
        check(status == 0, "captured JSON", path, wire)
        if status == 0:
            compare_message(tool, check, which, parse(REQUESTS[which], wire), path)
    return len(files)


STRINGS = ["", "a", "key", "\0", "\"\\/\b\f\n\r\t\x01\x7f", "é€😀\u2028\uffff", "x" * 200, "a\\u0041"]
DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, math.inf, -math.inf, 1 / 3, 2.0**53 + 2]


def random_scalar(rng, field):
    t = field.type
    if t == F.TYPE_BYTES:
        size = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}.get(field.name)
        return rng.randbytes(rng.choice([0, size]) if size else rng.randint(0, 5))
    if t == F.TYPE_STRING:
        return rng.choice(STRINGS)
    if t == F.TYPE_BOOL:
        return rng.random() < 0.5
    if t == F.TYPE_DOUBLE:
        return rng.choice(DOUBLES)
    if t == F.TYPE_ENUM:
        return rng.choice([v.number for v in field.enum_type.values])
    bits = 64 if t in (F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_FIXED64, F.TYPE_SFIXED64) else 32
    if t in (F.TYPE_UINT32, F.TYPE_UINT64, F.TYPE_FIXED32, F.TYPE_FIXED64):
        return rng.choice([0, 1, 127, 128, 2**bits - 1, rng.getrandbits(bits)])
    return rng.choice([0, 1, -1, 2**(bits - 1) - 1, -2**(bits - 1), rng.getrandbits(bits - 1)])


def fill(rng, message, depth):
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.35 + 0.05 * depth:
            continue
        if field.is_repeated:
            target = getattr(message, field.name)
            for _ in range(rng.randint(0, 3 if depth < 4 else 1)):
                if field.message_type is None:
                    target.append(random_scalar(rng, field))
                else:
                    fill(rng, target.add(), depth + 1)
        elif field.message_type is None:
            setattr(message, field.name, random_scalar(rng, field))
        else:
            inner = getattr(message, field.name)
            inner.SetInParent()
            if depth < 14:
                fill(rng, inner, depth + 1)


def main():
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    tool, check, rng = Tool(sys.argv[1]), Check(), random.Random(1)
    source = sys.argv[2]
    compare_tokenizer(tool, check, source, rng)
    texts = check.count
    folder = sys.argv[3] if len(sys.argv) > 3 else os.path.join(source, "tests", "corpus")
    captures = compare_captures(tool, check, folder)
    for i in range(600):
        message = REQUESTS[i % 3]()
        while message.ByteSize() == 0 or message.ByteSize() > 60000:
            message.Clear()
            fill(rng, message, 0)
        compare_message(tool, check, i % 3, message, "random %d" % i)
    print("%d checks (%d of texts and numbers), %d captures, %d failed" % (
        check.count, texts, captures, check.failed))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
