# SPDX-License-Identifier: Apache-2.0
"""Clients and destinations that misbehave. What was acknowledged arrives, exactly once
unless an answer was lost, or is in the books; who behaves notices nothing."""
import collections
import contextlib
import os
import random
import re
import signal
import socket
import threading
import time

import grpc
import otlp
import pytest
from chaos import H2_PREFACE, H2_SETTINGS, Proxy, books, connect, http_request, reset, spans
from conftest import RECEIVER, SANITIZED, free_ports, wait_until
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from sink import GrpcSink, HttpSink

SEED = int(os.environ.get("FAULTS_SEED", random.randrange(1 << 30)))
PROTOBUF = "application/x-protobuf"
RETRY = "retry_on_failure: {{initial_interval: 20ms, max_interval: 100ms}}"
SERVICE = """
service:
  workers: {workers}
  shutdown_timeout: {patience}
  telemetry: {{metrics: {{level: none}}}}
"""


@pytest.fixture(autouse=True)
def seeded():
    print(f"FAULTS_SEED={SEED}")
    random.seed(SEED)


def otlp_exporter(name, port, more="", kind="otlp"):
    where = f"http://127.0.0.1:{port}"
    return f"  {name}: {{{{endpoint: '{where}', compression: none, {RETRY}{', ' if more else ''}{more}}}}}\n"


def run(start, exporters, pipelines, workers=1, patience="10s", processors="", extra=""):
    text = RECEIVER + processors + "exporters:\n" + exporters + SERVICE + extra + "  pipelines:\n" + pipelines
    return start(text, workers=workers, patience=patience)


def one_pipeline(*exporters):
    return f"    traces: {{{{receivers: [otlp], exporters: [{', '.join(exporters)}]}}}}\n"


def post(sluice, name):
    status, headers, _ = sluice.post("/v1/traces", spans(name).SerializeToString(), PROTOBUF)
    return status, headers


def export(sluice, name, timeout=20):
    """Over gRPC; the code."""
    with grpc.insecure_channel(f"127.0.0.1:{sluice.grpc}") as channel:
        try:
            trace_service_pb2_grpc.TraceServiceStub(channel).Export(spans(name), timeout=timeout)
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()


class Client(threading.Thread):
    """Sends spans one by one until told to stop; remembers what was acknowledged and
    what was refused. What got no answer at all is unknown."""

    def __init__(self, sluice, prefix, count=1 << 30):
        super().__init__()
        self.sluice, self.prefix, self.count, self.active = sluice, prefix, count, True
        self.accepted, self.refused, self.unknown = [], [], []

    def run(self):
        number = 0
        while self.active and number < self.count:
            name, number = f"{self.prefix}-{number}", number + 1
            try:
                status, _ = post(self.sluice, name)
            except OSError:
                self.unknown.append(name)
                time.sleep(0.01)
                continue
            (self.accepted if status == 200 else self.refused).append(name)

    def end(self):
        self.active = False
        self.join(60)
        assert not self.is_alive()
        return self


def file_names(path):
    return [r.name for signal_, q in otlp.read_lines(path) for r in otlp.records(signal_, q)]


def repeated(names):
    return {n: c for n, c in collections.Counter(names).items() if c > 1}


# ---- clients ----

def dying_clients(sluice, count):
    """Each opens a connection, does some harm and is gone."""
    body = spans("never").SerializeToString()
    frame = len(body).to_bytes(3, "big") + b"\0\1" + b"\0\0\0\1"
    stories = [
        lambda s: s.sendall(http_request(body[:len(body) // 2], len(body))),
        lambda s: s.sendall(http_request(b"1000\r\n" + body, extra="Transfer-Encoding: chunked\r\n").replace(
            b"Content-Length", b"X-Length")),
        lambda s: s.sendall(b"POST /v1/tra"),
        lambda s: s.sendall(H2_PREFACE[:10]),
        lambda s: s.sendall(H2_PREFACE + H2_SETTINGS),
        lambda s: s.sendall(H2_PREFACE + H2_SETTINGS + frame[:5]),
        lambda s: s.sendall(H2_PREFACE + H2_SETTINGS + b"\0\0\4\1\4\0\0\0\1\x83\x86\x84\x87" + b"\0\1\0\0\0\0\0\0\1\0\0"),
        lambda s: None,
    ]
    for i in range(count):
        s = connect(random.choice([sluice.http, sluice.grpc]))
        with contextlib.suppress(OSError):
            stories[i % len(stories)](s)
        (reset if random.random() < 0.5 else socket.socket.close)(s)


def grpc_clients_that_cancel(sluice, count):
    body = spans("cancelled", padding=300000)
    with grpc.insecure_channel(f"127.0.0.1:{sluice.grpc}") as channel:
        stub = trace_service_pb2_grpc.TraceServiceStub(channel)
        for _ in range(count):
            call = stub.Export.future(body, timeout=10)
            time.sleep(random.random() * 0.004)
            call.cancel()


@pytest.mark.parametrize("workers", [1, 3])
def test_clients_that_die_cost_an_honest_one_nothing(start, workers):
    sluice = run(start, "  file: {{path: {dir}/out.jsonl}}\n", one_pipeline("file"), workers)
    honest = Client(sluice, "honest")
    honest.start()
    loris = [connect(sluice.http) for _ in range(20)]
    for letter in b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nX: ":
        for s in loris:
            s.send(bytes([letter]))
    dying_clients(sluice, 200)
    grpc_clients_that_cancel(sluice, 20)
    honest.end()
    for s in loris:
        s.close()
    summary = sluice.stop()
    names = file_names(sluice.folder / "out.jsonl")
    assert len(honest.accepted) > 10 and not honest.refused and not honest.unknown
    assert sorted(n for n in names if n != "cancelled") == sorted(honest.accepted)
    assert "never" not in names
    kept = books(summary)
    assert kept["receiver otlp"]["accepted"] == kept["exporter file"]["sent"] == len(names)


def test_clients_that_leave_before_the_answer_are_answered_nowhere(start):
    """The delivery is under way while its client goes: HTTP/1, HTTP/2 and gRPC."""
    sink = GrpcSink()
    sink.delay = 0.4
    sluice = run(start, otlp_exporter("otlp", sink.port, "sending_queue: {{enabled: false}}"), one_pipeline("otlp"))
    try:
        for i in range(6):
            s = connect(sluice.http)
            s.sendall(http_request(spans(f"left-{i}").SerializeToString()))
            time.sleep(0.05)
            (reset if i % 2 else socket.socket.close)(s)
            assert export(sluice, f"late-{i}", timeout=0.1) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert post(sluice, "stays")[0] == 200
        wait_until(lambda: {f"left-{i}" for i in range(6)} <= set(sink.names()), "what was left behind")
        summary = sluice.stop()
        assert "stays" in sink.names()
        assert books(summary)["exporter otlp"]["sent"] >= 7
    finally:
        sink.close()


def test_a_client_in_a_hurry_does_not_slow_the_others(start):
    """Its deadline says nothing about the destination: no back-off, no lost connection."""
    sink = GrpcSink()
    sink.delay = 0.15
    slow = "sending_queue: {{enabled: false, num_consumers: 50}}"
    exporters = otlp_exporter("otlp", sink.port, slow).replace("20ms", "20s").replace("100ms", "30s")
    sluice = run(start, exporters, one_pipeline("otlp"))
    try:
        honest = Client(sluice, "honest", count=12)
        honest.start()
        for i in range(10):
            assert export(sluice, f"hurry-{i}", timeout=0.05) != grpc.StatusCode.OK
        honest.join(15)
        assert not honest.is_alive(), "the honest client waits\n" + sluice.stderr()
        assert len(honest.accepted) == 12, sluice.stderr()
        sluice.stop()
        assert not repeated(sink.names())
    finally:
        sink.close()


def test_a_client_that_closes_its_side_gets_its_answer(start):
    sluice = run(start, "  file: {{path: {dir}/out.jsonl}}\n", one_pipeline("file"))
    with connect(sluice.http) as s:
        s.sendall(http_request(spans("half").SerializeToString()))
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while data := s.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    sluice.stop()
    assert file_names(sluice.folder / "out.jsonl") == ["half"]


# ---- destinations ----

@pytest.fixture(params=["http", "grpc"])
def destination(request):
    sink = HttpSink() if request.param == "http" else GrpcSink()
    sink.kind = "otlphttp" if request.param == "http" else "otlp"
    yield sink
    sink.close()


FAULTS = ["silent", "cut", "garbage", "html", "endless", "goaway", "refuse", "close"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_destination_that_misbehaves_gets_everything_once(start, destination, fault):
    if fault == "endless" and destination.kind == "otlp":
        fault = "garbage"
    proxy = Proxy(destination.port, [fault] * (60 if fault == "close" else 3))
    more = "timeout: 700ms, sending_queue: {{num_consumers: 2}}"
    sluice = run(start, otlp_exporter(destination.kind, proxy.port, more), one_pipeline(destination.kind))
    try:
        client = Client(sluice, fault, count=30)
        client.start()
        client.join(30)
        assert len(client.accepted) == 30
        wait_until(lambda: set(client.accepted) <= set(destination.names()), f"everything in spite of {fault}", 30)
        kept = books(sluice.stop())[f"exporter {destination.kind}"]
        assert kept["sent"] == 30 and kept["failed"] == 0, kept
        assert len(proxy.seen) > (3 if fault != "close" else 0)
        doubled = sum(c - 1 for c in repeated(destination.names()).values())
        lost_answers = 2 * 3 if fault in ("cut", "silent") else 60 if fault == "close" else 0
        assert doubled <= lost_answers, (doubled, fault)
    finally:
        proxy.close()


@pytest.mark.parametrize("timeout", ["30s", "300ms"])
def test_a_destination_that_is_stopped_and_continued(start, timeout):
    far = run(start, "  file: {{path: {dir}/out.jsonl}}\n", one_pipeline("file"))
    near = run(start, otlp_exporter("otlp", far.grpc, f"timeout: {timeout}"), one_pipeline("otlp"))
    client = Client(near, "s")
    client.start()
    wait_until(lambda: len(client.accepted) > 10, "the first ones")
    far.process.send_signal(signal.SIGSTOP)
    count = len(client.accepted)
    wait_until(lambda: len(client.accepted) > count + 30, "more while it is stopped")
    time.sleep(1.2)
    far.process.send_signal(signal.SIGCONT)
    client.end()
    near.stop()
    far.stop()
    names = file_names(far.folder / "out.jsonl")
    assert set(names) == set(client.accepted)
    if timeout == "30s":
        assert not repeated(names)


def test_a_destination_that_is_killed_and_comes_back(start):
    ports = free_ports(2)
    text = RECEIVER.replace("{grpc}", str(ports[0])).replace("{http}", str(ports[1])) + (
        "exporters:\n  file: {{path: {shared}, append: true}}\n" + SERVICE + "  pipelines:\n" + one_pipeline("file"))
    first = start(text, workers=1, patience="5s", shared="/dev/null", ready=False)
    shared = first.folder / "shared.jsonl"
    first.process.kill()
    first.process.wait()
    far = start(text, workers=1, patience="5s", shared=shared)
    near = run(start, otlp_exporter("otlp", ports[0]), one_pipeline("otlp"), workers=2)
    client = Client(near, "k")
    client.start()
    for _ in range(3):
        count = len(client.accepted)
        wait_until(lambda: len(client.accepted) > count + 20, "some traffic")
        far.process.kill()
        far.process.wait()
        time.sleep(0.2)
        far = start(text, workers=1, patience="5s", shared=shared)
    client.end()
    kept = books(near.stop())
    far.stop()
    names = file_names(shared)
    assert set(client.accepted) <= set(names)
    assert kept["receiver otlp"]["accepted"] == len(client.accepted) == kept["exporter otlp"]["sent"]


@pytest.mark.parametrize("on_full", ["refuse", "drop_oldest", "drop_counted"])
def test_a_dead_exporter_beside_a_living_one(start, on_full):
    dead, = free_ports(1)
    sink = HttpSink()
    exporters = otlp_exporter("otlp/dead", dead, f"sending_queue: {{{{queue_size: 5, on_full: {on_full}}}}}")
    exporters += otlp_exporter("otlphttp", sink.port)
    sluice = run(start, exporters, one_pipeline("otlp/dead", "otlphttp"), patience="1s")
    try:
        client = Client(sluice, "d", count=40)
        client.run()
        assert not client.unknown and bool(client.refused) == (on_full == "refuse")
        wait_until(lambda: len(sink.names()) == len(client.accepted), "the living one's share")
        kept = books(sluice.stop(expect=1))
        assert sorted(sink.names()) == sorted(client.accepted)
        gone = kept["exporter otlp/dead"]
        assert gone["sent"] == 0 and gone["dropped"] == len(client.accepted), gone
        assert kept["receiver otlp"]["accepted"] == len(client.accepted)
        assert kept["receiver otlp"]["refused"] == len(client.refused)
    finally:
        sink.close()


# ---- load and limits ----

def test_a_stop_under_load_loses_nothing_that_was_acknowledged(start):
    sink = GrpcSink()
    exporters = "  file: {{path: {dir}/out.jsonl}}\n" + otlp_exporter("otlp", sink.port)
    sluice = run(start, exporters, one_pipeline("file", "otlp"), workers=3, patience="20s")
    clients = [Client(sluice, f"c{i}") for i in range(8)]
    try:
        for client in clients:
            client.start()
        wait_until(lambda: sum(len(c.accepted) for c in clients) > 150, "load")
        kept = books(sluice.stop())
        accepted = [n for c in clients for n in c.end().accepted]
        written = file_names(sluice.folder / "out.jsonl")
        assert set(accepted) <= set(written) and not repeated(written)
        assert set(accepted) <= set(sink.names()) and not repeated(sink.names())
        assert kept["exporter file"]["sent"] == len(written)
        assert kept["exporter otlp"]["sent"] == len(sink.names())
        assert kept["receiver otlp"]["accepted"] >= len(accepted)
    finally:
        for client in clients:
            client.end()
        sink.close()


def rss(process):
    text = open(f"/proc/{process.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


def test_the_memory_limit_refuses_and_recovers(start):
    sluice = run(start, "  file: {{path: {dir}/out.jsonl}}\n", one_pipeline("file"), workers=2,
                 extra="  memory_limit: 8MiB\n")
    body = spans("large", padding=3 << 20)
    plain = body.SerializeToString()
    assert sluice.post("/v1/traces", plain, PROTOBUF)[0] == 200
    before = rss(sluice.process)
    held = [connect(sluice.http) for _ in range(12)]
    for s in held:
        with contextlib.suppress(OSError):
            s.sendall(http_request(plain[:1 << 20], len(plain)))
    def refused():
        status, headers, _ = sluice.post("/v1/traces", plain, PROTOBUF)
        assert status in (200, 503)
        return headers if status == 503 else None
    headers = wait_until(refused, "a refusal")
    assert int(headers["Retry-After"]) >= 1
    with grpc.insecure_channel(f"127.0.0.1:{sluice.grpc}") as channel:
        with pytest.raises(grpc.RpcError) as error:
            trace_service_pb2_grpc.TraceServiceStub(channel).Export(body, timeout=10)
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE, error.value
        details = dict(error.value.trailing_metadata())["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(details)
        assert any(d.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for d in status.details)
    assert rss(sluice.process) - before < (200 << 20 if SANITIZED else 24 << 20)
    for s in held:
        reset(s)
    wait_until(lambda: sluice.post("/v1/traces", plain, PROTOBUF)[0] == 200, "recovery")
    assert export(sluice, "after") == grpc.StatusCode.OK
    sluice.stop()
    assert "after" in file_names(sluice.folder / "out.jsonl")


# ---- everything at once ----

def test_every_component_at_once_counts_exactly(start):
    http, grpc_sink = HttpSink(), GrpcSink()
    health, = free_ports(1)
    processors = """
extensions:
  health_check: {{endpoint: "127.0.0.1:HEALTH"}}
processors:
  genai_normalizer:
  pii_scrubber:
  nop:
  probabilistic_sampler: {{sampling_percentage: 100}}
  batch: {{timeout: 100ms, send_batch_size: 20}}
  batch/inner: {{timeout: 50ms, send_batch_size: 10}}
""".replace("HEALTH", str(health))
    exporters = "  nop:\n  debug: {{verbosity: basic}}\n  stdout: {{quiet_time: 50ms}}\n"
    exporters += "  file: {{path: {dir}/out.jsonl}}\n  file/twice: {{path: {dir}/twice.jsonl}}\n"
    exporters += otlp_exporter("otlp", grpc_sink.port) + otlp_exporter("otlphttp", http.port)
    line = "    traces/{}: {{{{receivers: [otlp], processors: [{}], exporters: [{}]}}}}\n"
    pipelines = (line.format("a", "nop, probabilistic_sampler, genai_normalizer, pii_scrubber, batch",
                             "otlp, otlphttp")
                 + line.format("b", "", "file, file/twice, nop")
                 + line.format("c", "nop, batch/inner", "file/twice, debug")
                 + line.format("d", "batch/inner, pii_scrubber", "otlphttp, stdout")
                 + line.format("e", "genai_normalizer", "nop"))
    sluice = run(start, exporters, pipelines, workers=2, processors=processors, extra="  extensions: [health_check]\n")
    try:
        clients = [Client(sluice, f"e{i}", count=40) for i in range(4)]
        for client in clients:
            client.start()
        accepted = []
        for client in clients:
            client.join(40)
            accepted += client.accepted
        assert len(accepted) == 160
        began = time.monotonic()
        kept = books(sluice.stop())
        assert time.monotonic() - began < 5, "the stop waits for something that is done"
        once, twice = sorted(accepted), sorted(accepted * 2)
        assert sorted(file_names(sluice.folder / "out.jsonl")) == once
        assert sorted(file_names(sluice.folder / "twice.jsonl")) == twice
        assert sorted(grpc_sink.names()) == once and sorted(http.names()) == twice
        sent = {name.split()[1]: counts["sent"] for name, counts in kept.items() if "sent" in counts}
        assert sent == {"nop": 320, "debug": 160, "stdout": 160, "file": 160, "file/twice": 320, "otlp": 160,
                        "otlphttp": 320}
        assert kept["receiver otlp"]["accepted"] == 160
    finally:
        http.close()
        grpc_sink.close()


def test_batches_of_shared_exporters_do_not_use_up_the_hand_over(start):
    """Room that was set aside for single deliveries comes back when they are merged:
    more requests than may be on their way to another worker at a time."""
    line = "    traces/{}: {{{{receivers: [otlp], processors: [batch], exporters: [{}]}}}}\n"
    processors = "processors:\n  batch: {{timeout: 20ms, send_batch_size: 50}}\n"
    exporters = "  nop:\n  file/a: {{path: {dir}/a.jsonl}}\n  file/b: {{path: {dir}/b.jsonl}}\n"
    sluice = run(start, exporters, line.format("a", "file/a, file/b") + line.format("b", "nop"), workers=3,
                 processors=processors)
    codes, lock = collections.Counter(), threading.Lock()

    def load(which):
        with grpc.insecure_channel(f"127.0.0.1:{sluice.grpc}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = trace_service_pb2_grpc.TraceServiceStub(channel)
            calls = [stub.Export.future(spans(f"h{which}-{i}"), timeout=30) for i in range(600)]
            for call in calls:
                with lock:
                    codes[call.code()] += 1

    threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {grpc.StatusCode.OK: 4800}
    began = time.monotonic()
    sluice.stop()
    assert time.monotonic() - began < 5
    for name in ("a", "b"):
        assert len(set(file_names(sluice.folder / f"{name}.jsonl"))) == 4800
