# SPDX-License-Identifier: Apache-2.0
"""The OTLP exporters against scripted destinations: nothing lost, nothing
doubled, the server's wishes kept."""
import grpc
import otlp
import pytest
from conftest import PIPELINES, RECEIVER, free_ports, wait_until
from sink import GrpcSink, HttpSink

GRPC = """
exporters:
  otlp:
    endpoint: 127.0.0.1:{target}
    tls: {{insecure: true}}
    {more}
"""
HTTP = """
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:{target}
    {more}
"""
QUICK = "retry_on_failure: {{initial_interval: 20ms, max_interval: 100ms}}"


def request(*names):
    document = otlp.REQUESTS["traces"]()
    scope = document.resource_spans.add().scope_spans.add()
    for i, name in enumerate(names):
        scope.spans.add(name=name, trace_id=bytes([1] * 15 + [i]), span_id=bytes([2] * 7 + [i + 1]))
    return document.SerializeToString()


def post(sluice, *names):
    status, _, _ = sluice.post("/v1/traces", request(*names), "application/x-protobuf")
    return status


def run(start, exporter, port, more=QUICK, processors="", settings="", workers=1):
    name = "otlp" if exporter is GRPC else "otlphttp"
    text = (RECEIVER + settings + exporter.replace("{more}", more) + PIPELINES).replace(
        "{processors}", processors).replace("{metric_processors}", "").replace("{exporters}", name)
    return start(text, target=port, workers=workers)


@pytest.fixture(params=["grpc", "http"])
def peer(request):
    sink = GrpcSink() if request.param == "grpc" else HttpSink()
    sink.exporter = GRPC if request.param == "grpc" else HTTP
    yield sink
    sink.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_what_comes_in_goes_out_under_each_compression(start, peer, compression):
    if peer.exporter is GRPC and compression == "zstd":
        return relay(start, compression)  # Python's gRPC server has no zstd
    sluice = run(start, peer.exporter, peer.port, f"compression: {compression}")
    sent = []
    for name, signal, _, content_type, body in otlp.corpus()[:60]:
        assert sluice.post(f"/v1/{signal}", body, content_type)[0] == 200, name
        sent.append((signal, otlp.parse_body(signal, content_type, body).SerializeToString(deterministic=True)))
    sluice.stop()
    got = [(signal, r.SerializeToString(deterministic=True)) for signal, r in peer.received]
    assert sorted(got) == sorted(sent)


def relay(start, compression):
    """From one sluice to another, whose receiver knows every codec."""
    second = start(RECEIVER + "exporters:\n  file: {{path: {dir}/out.jsonl}}\n" + PIPELINES.replace(
        "{processors}", "").replace("{metric_processors}", "").replace("{exporters}", "file"), workers=1)
    first = run(start, GRPC, second.grpc, f"compression: {compression}")
    sent = []
    for name, signal, _, content_type, body in otlp.corpus()[:60]:
        assert first.post(f"/v1/{signal}", body, content_type)[0] == 200, name
        sent.append((signal, otlp.parse_body(signal, content_type, body).SerializeToString(deterministic=True)))
    first.stop()
    second.stop()
    got = [(s, r.SerializeToString(deterministic=True)) for s, r in otlp.read_lines(second.folder / "out.jsonl")]
    assert sorted(got) == sorted(sent)


def test_headers_are_sent(start, peer):
    sluice = run(start, peer.exporter, peer.port, "headers: {{x-tenant: blue}}")
    assert post(sluice, "a") == 200
    sluice.stop()
    assert {k.lower(): v for k, v in peer.headers[0].items()}["x-tenant"] == "blue"


def test_a_destination_that_fails_for_now_gets_everything_once(start, peer):
    if peer.exporter is GRPC:
        peer.script = [(grpc.StatusCode.UNAVAILABLE, None)] * 3 + [(grpc.StatusCode.UNAVAILABLE, 0.05)]
    else:
        peer.script = [(503, {}, b""), (429, {"Retry-After": "0"}, b""), (502, {}, b"")]
    sluice = run(start, peer.exporter, peer.port)
    names = [f"span-{i}" for i in range(20)]
    for name in names:
        assert post(sluice, name) == 200
    wait_until(lambda: len(peer.names()) >= len(names), "all spans")
    sluice.stop()
    assert sorted(peer.names()) == sorted(names) and peer.refused >= 3


def test_what_is_rejected_for_good_is_dropped_and_counted(start, peer):
    peer.script = [(grpc.StatusCode.INVALID_ARGUMENT, None)] if peer.exporter is GRPC else [(400, {}, b"no")]
    sluice = run(start, peer.exporter, peer.port)
    for name in ("first", "second", "third"):
        assert post(sluice, name) == 200
    wait_until(lambda: len(peer.names()) == 2 and peer.refused == 1, "two of three")
    summary = sluice.stop()
    assert "rejected" in summary


def test_a_destination_that_comes_up_late_gets_what_was_queued(start):
    target, = free_ports(1)
    sluice = run(start, GRPC, target)
    names = [f"span-{i}" for i in range(10)]
    for name in names:
        assert post(sluice, name) == 200
    sink = GrpcSink(target)
    try:
        wait_until(lambda: len(sink.names()) == len(names), "the queued spans", 20)
        sluice.stop()
        assert sorted(sink.names()) == names
    finally:
        sink.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_slow_destination_loses_nothing_that_was_accepted(start, peer, workers):
    """The ledger: acknowledged = received; what was refused is not there."""
    peer.delay = 0.03
    more = QUICK + "\n    sending_queue: {{queue_size: 10, num_consumers: 2}}"
    sluice = run(start, peer.exporter, peer.port, more, workers=workers)
    accepted, refused = [], []
    for i in range(120):
        status, headers, _ = sluice.post("/v1/traces", request(f"s{i}"), "application/x-protobuf")
        assert status in (200, 503)
        (accepted if status == 200 else refused).append(f"s{i}")
        if status == 503:
            assert int(headers["Retry-After"]) >= 1
    assert accepted and refused
    sluice.stop()
    assert sorted(peer.names()) == sorted(accepted)


def test_batch_merges_behind_the_queue_and_no_client_waits(start, peer):
    settings = "processors:\n  batch: {{timeout: 300ms, send_batch_size: 1000}}\n"
    sluice = run(start, peer.exporter, peer.port, processors="batch", settings=settings)
    names = [f"span-{i}" for i in range(100)]
    for name in names:
        assert post(sluice, name) == 200
    sluice.stop()
    assert sorted(peer.names()) == sorted(names)
    assert len(peer.received) <= 10


def test_batches_are_split_to_the_maximum(start, peer):
    settings = "processors:\n  batch: {{timeout: 100ms, send_batch_size: 10, send_batch_max_size: 10}}\n"
    sluice = run(start, peer.exporter, peer.port, processors="batch", settings=settings)
    names = [f"span-{i}" for i in range(95)]
    assert post(sluice, *names) == 200
    sluice.stop()
    sizes = [sum(1 for _ in otlp.records(s, r)) for s, r in peer.received]
    assert sorted(peer.names()) == sorted(names) and max(sizes) <= 10


def test_a_stop_without_a_destination_says_what_was_lost(start):
    target, = free_ports(1)
    sluice = run(start, GRPC, target, QUICK)
    sluice.process.send_signal(0)
    assert post(sluice, "lost") == 200
    text = sluice.stop(expect=1, seconds=40)
    assert "1 items could not be delivered" in text or "1 item" in text


def test_a_partial_success_is_counted_and_not_sent_again(start, peer):
    partial = otlp.RESPONSES["traces"]()
    partial.partial_success.rejected_spans = 1
    partial.partial_success.error_message = "one was bad"
    peer.script = [partial] if peer.exporter is GRPC else [
        (200, {"Content-Type": "application/x-protobuf"}, partial.SerializeToString())]
    sluice = run(start, peer.exporter, peer.port)
    assert post(sluice, "a", "b", "c") == 200
    wait_until(lambda: not peer.script, "the request")
    summary = sluice.stop()
    assert "partial_success" in summary
    assert len(peer.received) + len(peer.script) == 1
