# SPDX-License-Identifier: Apache-2.0
"""Runs sluice under load and reports CPU time a span, memory and start-up time.

Usage: end_to_end.py BUILD_FOLDER

Every answer counts: what bench_load was told is accepted must be what the exit
summary says was accepted and sent on. Exits with 1 when something could not be
measured or did not add up.
"""
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SPANS = 100
STREAMS = 8
CONNECTIONS = 2
WARM_UP = 100  # requests
ROUNDS = 3  # the best one is printed: others use the machine too

FULL = """
processors:
  genai_normalizer:
  pii_scrubber:
  batch:
    timeout: 200ms
    send_batch_size: 1000
"""

NOP = ("nop", "{{}}")

# What the line is called, exporter, processors, requests a round, spans a request.
CASES = [
    ("otlp -> nop", NOP, [], 2000, SPANS),
    ("otlp -> nop, 5 spans a request", NOP, [], 8000, 5),
    ("otlp -> file (JSON lines)", ("file", "{{path: {file}}}"), [], 300, SPANS),
    ("otlp -> file (protobuf)", ("file", "{{path: {file}, format: proto}}"), [], 300, SPANS),
    ("otlp -> normalizer, scrubber, batch -> nop", NOP,
     ["genai_normalizer", "pii_scrubber", "batch"], 500, SPANS),
]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def values(text):
    """The NAME=VALUE pairs that the C programs print."""
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", text)}


def config(port, exporter, processors, file):
    name, settings = exporter
    return f"""
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:{port}
exporters:
  {name}: {settings.format(file=file)}
{FULL if processors else ""}
service:
  telemetry:
    metrics: {{level: none}}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [{", ".join(processors)}]
      exporters: [{name}]
"""


def cpu_seconds(pid):
    """Time on the CPU of all threads, in the kernel's nanoseconds where it counts them."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def status_kib(pid, name):
    found = re.search(rf"^{name}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found.group(1))


def wait_for_port(process, port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("sluice ended: " + process.stderr.read())
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("sluice does not accept connections")


def load(build, port, requests, spans):
    run = subprocess.run([build / "bench/bench_load", f"127.0.0.1:{port}", str(requests), str(spans),
                          str(STREAMS), str(CONNECTIONS)], capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    return values(run.stdout)


def load_round(build, pid, port, requests, spans):
    before = cpu_seconds(pid)
    got = load(build, port, requests, spans)
    got["cpu_us"] = (cpu_seconds(pid) - before) * 1e6 / got["accepted_spans"]
    got["rate"] = got["accepted_spans"] / got["seconds"]
    return got


def check_books(summary, told, exporter):
    """Nothing lost, nothing doubled: the client's count, the receiver's, the exporter's."""
    accepted = int(re.search(r"receiver +otlp +accepted (\d+)", summary).group(1))
    sent = int(re.search(rf"exporter +{exporter} +sent (\d+)", summary).group(1))
    if not told == accepted == sent:
        raise RuntimeError(f"answers accepted {told} spans, the receiver {accepted}, "
                           f"the exporter sent {sent}")


def measure(build, folder, case):
    name, exporter, processors, requests, spans = case
    port = free_ports(1)[0]
    path = folder / "sluice.yaml"
    path.write_text(config(port, exporter, processors, folder / "out.data"))
    process = subprocess.Popen([build / "sluice", "--config", path], stderr=subprocess.PIPE, text=True)
    try:
        wait_for_port(process, port)
        warm = load(build, port, WARM_UP, spans)
        rounds = [load_round(build, process.pid, port, requests, spans) for _ in range(ROUNDS)]
        peak = status_kib(process.pid, "VmHWM")
        process.send_signal(signal.SIGTERM)
        _, summary = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
    if process.returncode != 0:
        raise RuntimeError(f"sluice ended with {process.returncode}: {summary}")
    told = warm["accepted_spans"] + sum(one["accepted_spans"] for one in rounds)
    check_books(summary, int(told), exporter[0])
    best = min(rounds, key=lambda one: one["cpu_us"])
    print(f"{name:<44} {best['cpu_us']:7.3f} us/span {best['bytes_per_span'] / best['cpu_us']:9.1f} "
          f"MB/s of a core, {best['rate'] / 1000:4.0f}k spans/s seen, peak RSS {peak / 1024:.1f} MiB")


def measure_start(build):
    grpc, http = free_ports(2)
    command = [build / "bench/bench_start", "10", str(grpc), build / "sluice",
               "--set", f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{grpc}",
               "--set", f"receivers.otlp.protocols.http.endpoint=127.0.0.1:{http}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    got = values(run.stdout)
    print(f"{'start, default configuration, to accepting':<44} {got['median_ms']:7.1f} ms "
          f"(median of 10; {got['least_ms']:.1f} to {got['most_ms']:.1f})")
    print(f"{'idle RSS, default configuration, 1 worker':<44} {got['rss_kib'] / 1024:7.1f} MiB "
          f"(of its own, not of files: {got['anonymous_kib'] / 1024:.1f})")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=build))
    failures = 0
    print(f"{STREAMS} streams on each of {CONNECTIONS} connections, {SPANS} spans a request, "
          "1 worker, no compression; CPU of the sluice process only")
    try:
        for case in CASES:
            try:
                measure(build, folder, case)
            except (RuntimeError, OSError, AttributeError, subprocess.SubprocessError) as error:
                failures += 1
                print(f"{case[0]:<44} NOT MEASURED: {error}")
        try:
            measure_start(build)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            failures += 1
            print(f"start and idle memory: NOT MEASURED: {error}")
    finally:
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
