# SPDX-License-Identifier: Apache-2.0
"""A running sluice for the scenario tests.

The binary under test is SLUICE (build/release/sluice by default): the same
tests run against the release build and the sanitized one.
"""
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLUICE", ROOT / "build/release/sluice")).resolve()
SANITIZED = b"__asan_init" in BINARY.read_bytes() if BINARY.exists() else False


def free_ports(count):
    """Ports nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def wait_until(check, what, seconds=10.0):
    """Polls until check() is true; the one place in the tests that waits."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(0.02)


def is_listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Sluice:
    """One process with its configuration, ports and output."""

    def __init__(self, folder, text, args=(), **ports):
        self.folder, self.ports = folder, ports
        self.config = folder / "sluice.yaml"
        self.config.write_text(text)
        self.stdout_path, self.stderr_path = folder / "stdout.txt", folder / "stderr.txt"
        self.process = subprocess.Popen(
            [BINARY, "--config", self.config, *args],
            stdout=open(self.stdout_path, "wb"), stderr=open(self.stderr_path, "wb"))

    def __getattr__(self, name):
        if name in self.__dict__.get("ports", {}):
            return self.ports[name]
        raise AttributeError(name)

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, self.stderr()
            return "is ready" in self.stderr()
        wait_until(ready, "sluice to start", 20)
        return self

    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def stop(self, expect=0, number=signal.SIGTERM, seconds=30):
        """Stops cleanly and checks the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(seconds)
        assert code == expect, f"exit code {code}\n{self.stderr()}"
        assert "Sanitizer" not in self.stderr(), self.stderr()
        return self.stderr()

    def post(self, path, body, content_type, headers=None, port=None):
        """POSTs to the HTTP port; returns (status, headers, body)."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{port or self.http}{path}", data=body, method="POST",
            headers={"Content-Type": content_type, **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


RECEIVER = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
"""

PIPELINES = """
service:
  workers: {workers}
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [{exporters}]}}
    metrics: {{receivers: [otlp], processors: [{metric_processors}], exporters: [{exporters}]}}
    logs: {{receivers: [otlp], processors: [{processors}], exporters: [{exporters}]}}
"""


@pytest.fixture
def start(tmp_path):
    """start(text, **values): runs sluice with the YAML text, in which {grpc},
    {http} and {dir} are filled in. Whatever still runs at the end is stopped."""
    running = []

    def begin(text, args=(), ready=True, **values):
        grpc, http = free_ports(2)
        folder = tmp_path / f"run{len(running)}"
        folder.mkdir()
        values = {"grpc": grpc, "http": http, "dir": folder, **values}
        sluice = Sluice(folder, text.format(**values), args, grpc=grpc, http=http)
        running.append(sluice)
        return sluice.wait_ready() if ready else sluice

    yield begin
    for sluice in running:
        if sluice.process.poll() is None:
            sluice.process.kill()
            sluice.process.wait()


@pytest.fixture
def to_file(start):
    """Everything received goes through the processors into a JSON lines file."""

    def begin(processors="", processor_settings="", workers=1, metric_processors="",
              exporter="file: {{path: {dir}/out.jsonl}}"):
        text = RECEIVER
        if processor_settings:
            text += "processors:\n" + processor_settings
        text += "exporters:\n  " + exporter
        text += PIPELINES.replace("{processors}", processors).replace(
            "{metric_processors}", metric_processors).replace("{exporters}", "file")
        sluice = start(text, workers=workers)
        sluice.output = sluice.folder / "out.jsonl"
        return sluice

    return begin
