# SPDX-License-Identifier: Apache-2.0
"""Steady load for SOAK_SECONDS: memory and descriptors stay where they were."""
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/scenario"))
import otlp  # noqa: E402
from conftest import RECEIVER, start  # noqa: E402,F401  (the scenario tests' fixture)

CONFIG = RECEIVER + """
processors:
  genai_normalizer:
  pii_scrubber:
  batch: {{timeout: 100ms}}
exporters:
  otlphttp: {{endpoint: "http://127.0.0.1:{target}", retry_on_failure: {{initial_interval: 50ms}}}}
service:
  workers: 2
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [genai_normalizer, pii_scrubber, batch], exporters: [otlphttp]}}
"""
SINK = RECEIVER + """
exporters: {{nop: }}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
"""


def rss_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def test_memory_and_descriptors_do_not_grow(start):  # noqa: F811
    sink = start(SINK)
    sluice = start(CONFIG, target=sink.http)
    bodies = [body for _, signal, protocol, content_type, body in otlp.corpus()
              if signal == "traces" and protocol == "http" and "protobuf" in content_type]
    end = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "300"))
    early, fds = None, None
    rounds = 0
    while time.monotonic() < end:
        for body in bodies:
            assert sluice.post("/v1/traces", body, "application/x-protobuf")[0] == 200
        rounds += 1
        if rounds == 5:
            early, fds = rss_kib(sluice.process.pid), descriptors(sluice.process.pid)
    assert early is not None, "the soak was too short"
    assert rss_kib(sluice.process.pid) < early * 1.25 + 4096
    assert descriptors(sluice.process.pid) <= fds + 4
    sluice.stop()
    sink.stop()
