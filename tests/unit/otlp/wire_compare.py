#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random requests, with fields in any order and any number of times, read and encoded
by otlp_wire_tool: the official Python messages must understand the result as they
understand the input, and refuse what it refuses.

Usage: wire_compare.py OTLP_WIRE_TOOL [COUNT [SEED]]
Exit code 77, which ctest reports as skipped, when the Python packages
opentelemetry-proto and protobuf are missing.
"""
import random
import struct
import subprocess
import sys

try:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
except ImportError as error:
    print("skipped: %s" % error)
    sys.exit(77)

SIGNALS = [
    (1, trace_service_pb2.ExportTraceServiceRequest),
    (2, metrics_service_pb2.ExportMetricsServiceRequest),
    (4, logs_service_pb2.ExportLogsServiceRequest),
]
TEXTS = ["", "a", "\u00e9", "key", "x" * 200]
ID_SIZES = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def delimited(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def random_bytes(rng, name):
    size = ID_SIZES.get(name)
    return rng.randbytes(rng.choice([0, size]) if size else rng.randrange(5))


def random_varint(rng, field):
    values = [0, 1] if field.type == field.TYPE_BOOL else [0, 1, 2]
    if field.type == field.TYPE_INT64:
        values += [300, 2**64 - 1]
    return varint(field.number << 3) + varint(rng.choice(values))


def random_field(rng, field, depth):
    number, kind = field.number, field.type
    if kind == field.TYPE_MESSAGE:
        return delimited(number, message(rng, field.message_type, depth + 1)) if depth < 15 else b""
    if kind == field.TYPE_STRING:
        return delimited(number, rng.choice(TEXTS).encode())
    if kind == field.TYPE_BYTES:
        return delimited(number, random_bytes(rng, field.name))
    if kind in (field.TYPE_DOUBLE, field.TYPE_FIXED64, field.TYPE_SFIXED64):
        repeated = isinstance(field.default_value, list)
        if repeated and rng.random() < 0.5:
            return delimited(number, struct.pack("<2q", 5, 7))
        return varint(number << 3 | 1) + struct.pack("<q", rng.choice([0, 1, -1, 1 << 62]))
    if kind == field.TYPE_FIXED32:
        return varint(number << 3 | 5) + struct.pack("<I", rng.choice([0, 1, 257]))
    return random_varint(rng, field)


def message(rng, descriptor, depth):
    out = b""
    for _ in range(rng.randrange(7)):
        out += random_field(rng, rng.choice(list(descriptor.fields)), depth)
        if rng.random() < 0.1:
            out += delimited(900, b"unknown")
    return out


def envelope(rng, descriptor, depth=0):
    out = b""
    for _ in range(rng.randrange(1, 4)):
        field = rng.choice(list(descriptor.fields)) if depth else descriptor.fields[0]
        if depth < 2 and field.name.startswith(("resource_", "scope_")):
            payload = envelope(rng, field.message_type, depth + 1)
        elif field.message_type:
            payload = message(rng, field.message_type, depth + 1)
        else:
            payload = rng.choice([b"", b"url", b"other url"])
        out += delimited(field.number, payload)
    return out


def differs(kind, body, status, result):
    expected, found = kind(), kind()
    try:
        expected.ParseFromString(body)
    except DecodeError:
        return status == 0
    if status != 0:
        return True
    found.ParseFromString(result)
    # As bytes: NaN differs from itself.
    return expected.SerializeToString(deterministic=True) != found.SerializeToString(
        deterministic=True
    )


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
    rng, bad = random.Random(seed), 0
    tool = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(count):
        number, kind = rng.choice(SIGNALS)
        body = envelope(rng, kind.DESCRIPTOR)
        tool.stdin.write(struct.pack("<BI", number, len(body)) + body)
        tool.stdin.flush()
        status, size = struct.unpack("<bI", tool.stdout.read(5))
        if differs(kind, body, status, tool.stdout.read(size)):
            bad += 1
            print("signal %d, status %d: %s" % (number, status, body.hex()))
    print("%d requests, %d differ (seed %d)" % (count, bad, seed))
    return 1 if bad else 0


sys.exit(main())
