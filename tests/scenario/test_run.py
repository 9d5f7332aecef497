# SPDX-License-Identifier: Apache-2.0
"""Running and stopping: signals, workers, health, self-metrics, the demo."""
import json
import os
import re
import signal
import subprocess
import urllib.request

import otlp
import pytest
from conftest import BINARY, PIPELINES, RECEIVER, free_ports, is_listening, wait_until

SAMPLE = otlp.ROOT / "app/samples/agent-run.jsonl"
PLANTED = ["jane.roe@example.com", "4111 1111 1111 1111", "sk-proj-", "sk-demo-", "555-0132"]
SCRUBBED = RECEIVER + """
processors:
  genai_normalizer:
  pii_scrubber:
exporters:
  {exporter}
""" + PIPELINES.replace("{processors}", "genai_normalizer, pii_scrubber").replace("{metric_processors}", "pii_scrubber")


def send(sluice, *files):
    done = subprocess.run([BINARY, "send", "--endpoint", f"http://127.0.0.1:{sluice.http}", *(files or [SAMPLE])],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_0(to_file, number):
    sluice = to_file()
    send(sluice)
    text = sluice.stop(number=number)
    assert not is_listening(sluice.http)
    assert re.search(r"otlp\b.*accepted 6", text), text
    assert len(list(otlp.records(*otlp.read_lines(sluice.output)[0]))) == 6


def test_a_second_signal_ends_at_once(start):
    target, = free_ports(1)
    text = RECEIVER + 'exporters:\n  otlp: {{endpoint: "127.0.0.1:{target}", tls: {{insecure: true}}}}\n'
    text += PIPELINES.replace("{processors}", "").replace("{metric_processors}", "").replace("{exporters}", "otlp")
    sluice = start(text, workers=1, target=target)
    send(sluice)
    sluice.process.send_signal(signal.SIGINT)
    wait_until(lambda: "press again" in sluice.stderr(), "the drain to begin")
    sluice.process.send_signal(signal.SIGINT)
    assert sluice.process.wait(5) == 1


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_sample_is_normalized_and_scrubbed(start, workers):
    running = start(SCRUBBED.replace("{exporter}", "file: {{path: {dir}/out.jsonl}}").replace("{exporters}", "file"),
                    workers=workers)
    send(running)
    running.stop()
    text = (running.folder / "out.jsonl").read_text()
    for secret in PLANTED:
        assert secret not in text
    spans = {s.span_id.hex(): s for sig, r in otlp.read_lines(running.folder / "out.jsonl") for s in otlp.records(sig, r)}
    llm = {a.key: a.value for a in spans["a000000000000002"].attributes}
    assert llm["gen_ai.operation.name"].string_value == "chat"
    assert llm["gen_ai.provider.name"].string_value == "openai"
    assert llm["gen_ai.usage.input_tokens"].int_value == 182
    messages = json.loads(llm["gen_ai.input.messages"].string_value)
    assert messages[-1]["role"] == "user" and "[EMAIL]" in messages[-1]["parts"][0]["content"]


def test_stdout_shows_the_run_tree(start):
    running = start(SCRUBBED.replace("{exporter}", "stdout: {{quiet_time: 100ms}}").replace("{exporters}", "stdout"), workers=1)
    send(running)
    wait_until(lambda: "refund_charge" in running.stdout(), "the tree")
    running.stop()
    text = running.stdout()
    assert "\x1b[" not in text  # not a terminal
    lines = text.splitlines()
    assert lines[0].startswith("trace 5b8efff798038103d269b633813fc60c  support-bot  6 spans  1 failed")
    assert lines[1].startswith("o refund-agent  invoke_agent")
    assert any("o ChatCompletion" in line and "chat" in line and "182 in, 31 out tokens" in line for line in lines)
    assert any("x refund_charge" in line for line in lines)
    for secret in PLANTED:
        assert secret not in text


def test_the_default_configuration_and_a_reader_that_goes_away(tmp_path):
    """`sluice` alone; its output is closed: it must go on and stop cleanly."""
    if is_listening(4317) or is_listening(4318):
        pytest.fail("the default ports are taken on this machine")
    process = subprocess.Popen([BINARY], stdout=subprocess.PIPE, stderr=open(tmp_path / "err", "wb"))
    wait_until(lambda: is_listening(4318) and is_listening(4317), "the default ports")
    process.stdout.close()
    for _ in range(3):
        subprocess.run([BINARY, "send", SAMPLE], check=True, capture_output=True, timeout=30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, (tmp_path / "err").read_text()


def test_make_demo_shows_the_sample(tmp_path):
    done = subprocess.run([otlp.ROOT / "tools/demo.sh", BINARY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "refund-agent" in done.stdout and "[EMAIL]" in done.stdout and "jane.roe" not in done.stdout


def test_make_run_serves_until_ctrl_c(tmp_path):
    """Ctrl-C at a terminal goes to the whole process group, the script included."""
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen([otlp.ROOT / "tools/demo.sh", BINARY, "--keep"], stdout=out, stderr=out,
                                   start_new_session=True)
    text = (tmp_path / "out").read_text
    wait_until(lambda: "Ctrl-C stops" in text(), "the demo to serve", 20)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0, text()
    assert re.search(r"otlp\b.*accepted 6", text()), text()


def test_make_demo_says_when_the_ports_are_taken(start):
    text = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:4318"}}}}}}}}
exporters: {{nop: }}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}
"""
    first = start(text)
    done = subprocess.run([otlp.ROOT / "tools/demo.sh", BINARY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "4318" in done.stderr and "taken" in done.stderr
    first.stop()


def test_health_and_self_metrics(start):
    health, metrics = free_ports(2)
    text = RECEIVER + """
extensions:
  health_check: {{endpoint: "127.0.0.1:{health}"}}
exporters:
  nop:
service:
  extensions: [health_check]
  workers: 2
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], exporters: [nop]}}
"""
    sluice = start(text, health=health, metrics=metrics)
    send(sluice)
    with urllib.request.urlopen(f"http://127.0.0.1:{health}/", timeout=5) as answer:
        assert answer.status == 200 and json.load(answer)["status"] == "Server available"
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    assert re.search(r'^otelcol_receiver_accepted_spans(_total)?\{.*receiver="otlp".*\} 6$', text, re.M), text
    assert re.search(r'^otelcol_exporter_sent_spans(_total)?\{.*exporter="nop".*\} 6$', text, re.M), text
    sluice.stop()


def test_fan_out_reaches_every_exporter(start):
    text = RECEIVER + """
processors:
  pii_scrubber:
exporters:
  file/raw: {{path: {dir}/raw.jsonl}}
  file/clean: {{path: {dir}/clean.jsonl}}
  file/packed: {{path: {dir}/packed, format: proto, compression: zstd}}
service:
  telemetry: {{metrics: {{level: none}}}}
  workers: {workers}
  pipelines:
    traces/raw: {{receivers: [otlp], exporters: [file/raw, file/packed]}}
    traces/clean: {{receivers: [otlp], processors: [pii_scrubber], exporters: [file/clean]}}
"""
    for workers in (1, 2):
        sluice = start(text, workers=workers)
        send(sluice)
        sluice.stop()
        raw, clean = (sluice.folder / "raw.jsonl").read_text(), (sluice.folder / "clean.jsonl").read_text()
        assert "jane.roe@example.com" in raw and "jane.roe" not in clean and "[EMAIL]" in clean
        assert read_packed(sluice.folder / "packed") == [otlp.read_lines(sluice.folder / "raw.jsonl")[0][1]]


def read_packed(path):
    import zstandard
    data, found = path.read_bytes(), []
    while data:
        size = int.from_bytes(data[:4], "big")
        request = otlp.REQUESTS["traces"]()
        request.ParseFromString(zstandard.ZstdDecompressor().decompressobj().decompress(data[4:4 + size]))
        found.append(request)
        data = data[4 + size:]
    return found


def test_the_file_rotates_without_tearing_a_line(start):
    text = RECEIVER + """
exporters:
  file: {{path: {dir}/out.jsonl, rotation: {{max_megabytes: 1, max_backups: 100}}}}
""" + PIPELINES.replace("{processors}", "").replace("{metric_processors}", "").replace("{exporters}", "file")
    sluice = start(text, workers=1)
    body = SAMPLE.read_bytes()
    for _ in range(400):
        assert sluice.post("/v1/traces", body, "application/json")[0] == 200
    sluice.stop()
    files = sorted(sluice.folder.glob("out*.jsonl"))
    assert len(files) >= 3
    assert all(f.stat().st_size <= 1 << 20 for f in files)
    lines = [line for f in files for line in f.read_text().splitlines()]
    assert len(lines) == 400 and all(json.loads(line)["resourceSpans"] for line in lines)
