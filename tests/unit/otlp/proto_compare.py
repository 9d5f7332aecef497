#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares otlp/proto with the descriptors of the PyPI package opentelemetry-proto.

Every message, enum and service of the package must be in ours with the same
fields (number, name, type, label, oneof, JSON name) and the other way round;
what ours has in advance of the package stands in EXTRAS.

Usage: proto_compare.py SOURCE_DIR   (needs protoc; pip: opentelemetry-proto)
Exit code 77, which ctest reports as skipped, when the package is missing.
"""
import importlib
import os
import subprocess
import sys
import tempfile

try:
    from google.protobuf import any_pb2, descriptor_pb2, duration_pb2
except ImportError:
    print("skipped: no Python package protobuf")
    sys.exit(77)

MODULES = [
    "common.v1.common",
    "resource.v1.resource",
    "trace.v1.trace",
    "metrics.v1.metrics",
    "logs.v1.logs",
    "collector.trace.v1.trace_service",
    "collector.metrics.v1.metrics_service",
    "collector.logs.v1.logs_service",
]
# Lines of describe() that ours may have and the package may lack.
EXTRAS = {
    "field opentelemetry.proto.common.v1.AnyValue.string_value_strindex",
    "field opentelemetry.proto.common.v1.KeyValue.key_strindex",
    "field opentelemetry.proto.resource.v1.Resource.entity_refs",
    "message opentelemetry.proto.common.v1.EntityRef",
}


def official():
    files = []
    for module in MODULES:
        try:
            found = importlib.import_module("opentelemetry.proto." + module + "_pb2")
        except ImportError:
            print("skipped: no Python package opentelemetry-proto")
            sys.exit(77)
        files.append(found.DESCRIPTOR.serialized_pb)
    files += [any_pb2.DESCRIPTOR.serialized_pb, duration_pb2.DESCRIPTOR.serialized_pb]
    return [descriptor_pb2.FileDescriptorProto.FromString(data) for data in files]


def ours(source):
    root = os.path.join(source, "otlp", "proto")
    names = ["opentelemetry/proto/" + m.replace(".", "/") + ".proto" for m in MODULES]
    names += ["google/protobuf/any.proto", "google/protobuf/duration.proto"]
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", "-I" + root, "--descriptor_set_out=" + out.name] + names,
                       check=True)
        with open(out.name, "rb") as file:
            return list(descriptor_pb2.FileDescriptorSet.FromString(file.read()).file)


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def describe_message(prefix, message, lines):
    name = prefix + "." + message.name
    reserved = sorted((r.start, r.end) for r in message.reserved_range)
    lines["message " + name] = "reserved %s" % reserved
    for f in message.field:
        oneof = message.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") else ""
        lines["field %s.%s" % (name, f.name)] = "number %d type %d %s label %d oneof %s json %s" % (
            f.number, f.type, f.type_name, f.label, oneof, f.json_name or camel(f.name))
    for nested in message.nested_type:
        describe_message(name, nested, lines)
    for enum in message.enum_type:
        describe_enum(name, enum, lines)


def describe_enum(prefix, enum, lines):
    for value in enum.value:
        lines["value %s.%s.%s" % (prefix, enum.name, value.name)] = str(value.number)


def describe(files):
    lines = {}
    for file in files:
        for message in file.message_type:
            describe_message(file.package, message, lines)
        for enum in file.enum_type:
            describe_enum(file.package, enum, lines)
        for service in file.service:
            for method in service.method:
                lines["method %s.%s.%s" % (file.package, service.name, method.name)] = "%s %s" % (
                    method.input_type, method.output_type)
    return lines


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    theirs, mine = describe(official()), describe(ours(sys.argv[1]))
    bad = 0
    for key in sorted(set(theirs) | set(mine)):
        if key in EXTRAS and key not in theirs:
            continue
        if theirs.get(key) != mine.get(key):
            print("%s:\n  official: %s\n  ours:     %s" % (key, theirs.get(key), mine.get(key)))
            bad += 1
    print("%d of ours, %d official, %d differ" % (len(mine), len(theirs), bad))
    return 1 if bad or len(theirs) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
