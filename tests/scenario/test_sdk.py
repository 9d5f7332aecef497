# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry SDK exporters from their registries against the receiver."""
import subprocess

import otlp
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import grpc as grpc_module


def exporters(sluice):
    return {
        "grpc": lambda: GrpcExporter(endpoint=f"127.0.0.1:{sluice.grpc}", insecure=True),
        "grpc-gzip": lambda: GrpcExporter(endpoint=f"127.0.0.1:{sluice.grpc}", insecure=True,
                                          compression=grpc_module.Compression.Gzip),
        "http": lambda: HttpExporter(endpoint=f"http://127.0.0.1:{sluice.http}/v1/traces"),
        "http-gzip": lambda: HttpExporter(endpoint=f"http://127.0.0.1:{sluice.http}/v1/traces",
                                          compression=Compression.Gzip),
        # Either port takes either protocol.
        "http-on-grpc-port": lambda: HttpExporter(endpoint=f"http://127.0.0.1:{sluice.grpc}/v1/traces"),
        "grpc-on-http-port": lambda: GrpcExporter(endpoint=f"127.0.0.1:{sluice.http}", insecure=True),
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_python_sdk_delivers_by_every_protocol(to_file, workers):
    sluice = to_file(workers=workers)
    names = set()
    for kind, make in exporters(sluice).items():
        provider = TracerProvider(resource=Resource.create({"service.name": f"py-{kind}"}))
        provider.add_span_processor(BatchSpanProcessor(make(), max_export_batch_size=16))
        tracer = provider.get_tracer("scenario", "1.0")
        for i in range(50):
            names.add(f"{kind}-{i}")
            with tracer.start_as_current_span(f"{kind}-{i}", attributes={"n": i, "ok": True, "x": [1, 2]}):
                pass
        provider.shutdown()
    sluice.stop()
    got = [span.name for signal, request in otlp.read_lines(sluice.output)
           for span in otlp.records(signal, request)]
    assert len(got) == len(names) and set(got) == names


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf", "grpc"])
def test_javascript_sdk_delivers(to_file, protocol):
    sluice = to_file()
    port = sluice.grpc if protocol == "grpc" else sluice.http
    script = otlp.ROOT / "tests/scenario/js/export.js"
    subprocess.run(["node", script, protocol, f"http://127.0.0.1:{port}", "25"], check=True, timeout=60)
    sluice.stop()
    spans = [span for signal, request in otlp.read_lines(sluice.output)
             for span in otlp.records(signal, request)]
    assert sorted(s.name for s in spans) == sorted(f"js-span-{i}" for i in range(25))
    attributes = {a.key: a.value for a in spans[0].attributes}
    assert attributes["ratio"].double_value == 0.5 and attributes["flag"].bool_value is True
    assert [v.string_value for v in attributes["list"].array_value.values] == ["a", "b"]
