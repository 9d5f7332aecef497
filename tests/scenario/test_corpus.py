# SPDX-License-Identifier: Apache-2.0
"""Every captured request, by its own protocol, through receiver, processors and
file exporter."""
import grpc
import otlp
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

STUBS = {
    "traces": trace_service_pb2_grpc.TraceServiceStub,
    "metrics": metrics_service_pb2_grpc.MetricsServiceStub,
    "logs": logs_service_pb2_grpc.LogsServiceStub,
}
ALL = "probabilistic_sampler, genai_normalizer, pii_scrubber, batch"
SETTINGS = """
  # Log records without a trace id would be dropped, as the Collector does: keep them.
  probabilistic_sampler: {{sampling_percentage: 100, fail_closed: false}}
  genai_normalizer:
  pii_scrubber:
  batch: {{timeout: 0s}}
"""


def send_all(sluice):
    """Sends each file; returns [(file, signal, request as sent)]."""
    channel = grpc.insecure_channel(f"127.0.0.1:{sluice.grpc}")
    sent = []
    for name, signal, protocol, content_type, body in otlp.corpus():
        request = otlp.parse_body(signal, content_type, body)
        if protocol == "grpc":
            STUBS[signal](channel).Export(request, timeout=20)
        else:
            status, _, answer = sluice.post(f"/v1/{signal}", body, content_type)
            assert status == 200, (name, status, answer)
        sent.append((name, signal, request))
    channel.close()
    return sent


def test_without_processors_the_output_equals_the_input(to_file):
    sluice = to_file()
    sent = send_all(sluice)
    sluice.stop()
    received = otlp.read_lines(sluice.output)
    assert len(received) == len(sent)
    for (name, signal, request), (got_signal, got) in zip(sent, received):
        assert got_signal == signal, name
        assert got == request, name


def test_with_all_processors_no_record_is_lost_or_doubled(to_file):
    sluice = to_file(ALL, SETTINGS, metric_processors="pii_scrubber, batch")
    sent = send_all(sluice)
    summary = sluice.stop()
    received = otlp.read_lines(sluice.output)
    for signal in otlp.REQUESTS:
        expected = sorted(identity(signal, r) for _, s, request in sent if s == signal
                          for r in otlp.records(signal, request))
        got = sorted(identity(signal, r) for s, request in received if s == signal
                     for r in otlp.records(signal, request))
        assert len(expected) > 0 and got == expected, (signal, summary)


def identity(signal, record):
    """What no processor changes: it tells records apart."""
    if signal == "traces":
        return (record.trace_id, record.span_id, record.start_time_unix_nano)
    if signal == "metrics":
        return (record.name, record.WhichOneof("data"), len(record.SerializeToString()) > 0)
    return (record.time_unix_nano, record.observed_time_unix_nano, record.trace_id, record.span_id)
