# SPDX-License-Identifier: Apache-2.0
"""The command line: verbs, complaints, exit codes."""
import gzip
import json
import os
import re
import subprocess

import jsonschema
import otlp
import pytest
import yaml
from conftest import BINARY, free_ports

EXAMPLES = sorted((otlp.ROOT / "config/examples").glob("*.yaml"))


def sluice(*args, **more):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=30, **more)


@pytest.mark.parametrize("path", EXAMPLES, ids=[p.stem for p in EXAMPLES])
def test_every_example_is_valid_and_described_by_the_schema(path):
    done = sluice("validate", "--config", path)
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(sluice("config-schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=[p.stem for p in EXAMPLES])
def test_the_printed_configuration_reads_back_the_same(path, tmp_path):
    first = sluice("print-config", "--config", path)
    assert first.returncode == 0, first.stderr
    (tmp_path / "printed.yaml").write_text(first.stdout)
    second = sluice("print-config", "--config", tmp_path / "printed.yaml")
    assert second.stdout == first.stdout, second.stderr


def test_every_complaint_is_printed_with_its_place(tmp_path):
    (tmp_path / "bad.yaml").write_text("""\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:4317"}
processors:
  batch:
    timout: 2s
    send_batch_size: many
exporters:
  nop:
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [nopp]}
""")
    done = sluice("validate", "--config", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == "bad.yaml:7:5: processors.batch.timout: unknown key; did you mean 'timeout'?"
    assert lines[1].startswith("bad.yaml:8:22: processors.batch.send_batch_size: ")
    assert any(line.startswith("bad.yaml:13:66: ") and "nopp" in line for line in lines)


def test_a_receiver_without_protocols_has_its_place(tmp_path):
    (tmp_path / "bad.yaml").write_text("""\
receivers:
  otlp:
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
""")
    done = sluice("validate", "--config", "bad.yaml", cwd=tmp_path)
    assert done.stderr == "bad.yaml:2:3: receivers.otlp.protocols: at least one of grpc and http is needed\n"


def test_relations_are_checked_beside_keys_that_are_wrong(tmp_path):
    (tmp_path / "bad.yaml").write_text("""\
receivers: {otlp: {protocols: {http: }}}
processors:
  batch:
    timout: 2s
    send_batch_size: 100
    send_batch_max_size: 10
  pii_scrubber: {action: hash, max_value_bytes: much}
exporters: {otlp: {compresion: gzip}, file: {directory_permissions: rwx}}
service: {pipelines: {traces: {receivers: [otlp], processors: [batch, pii_scrubber], exporters: [otlp, file]}}}
""")
    done = sluice("validate", "--config", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    for part in ("processors.batch.timout: unknown key", "send_batch_max_size (10) must not be below send_batch_size (100)",
                 "pii_scrubber.max_value_bytes: expected", "hash needs a key", "otlp.compresion: unknown key",
                 "otlp.endpoint: required", "file.path: required", "expected octal permissions"):
        assert part in done.stderr, (part, done.stderr)


def test_environment_and_set_override_the_file(tmp_path):
    (tmp_path / "c.yaml").write_text("""\
receivers: {otlp: {protocols: {http: {endpoint: "${env:HOST_FOR_TEST:-localhost}:4318"}}}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
""")
    args = ("print-config", "--config", tmp_path / "c.yaml", "--set", "service.workers=3")
    assert "localhost:4318" in sluice(*args).stdout
    changed = sluice(*args, env={**os.environ, "HOST_FOR_TEST": "127.0.0.9"}).stdout
    assert "127.0.0.9:4318" in changed and re.search(r'workers: "?3"?$', changed, re.M)


def test_secrets_are_masked(tmp_path):
    (tmp_path / "c.yaml").write_text("""\
receivers: {otlp: {protocols: {http: }}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:1", headers: {authorization: hush-hush}}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}}
""")
    done = sluice("print-config", "--config", tmp_path / "c.yaml")
    assert "hush-hush" not in done.stdout and "REDACTED" in done.stdout


def test_a_collector_component_that_is_not_built_says_so(tmp_path):
    (tmp_path / "c.yaml").write_text("""\
receivers: {jaeger: , otlp: {protocols: {http: }}}
processors: {tail_sampling: }
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp, jaeger], processors: [tail_sampling], exporters: [nop]}}}
""")
    done = sluice("validate", "--config", tmp_path / "c.yaml")
    assert done.returncode == 2 and "jaeger" in done.stderr and "tail_sampling" in done.stderr


@pytest.mark.parametrize("args, code, word", [
    (["--help"], 0, "usage"), (["validate", "--help"], 0, "usage"), (["version"], 0, "sluice"),
    (["--version"], 0, "sluice"), (["components"], 0, "pii_scrubber"),
    (["gateway.yaml"], 2, "--config gateway.yaml"), (["validate", "a.yml"], 2, "--config a.yml"),
    (["validate", "--config", "/"], 2, "cannot read /: Is a directory"),
    (["vlaidate"], 2, "did you mean 'validate'"), (["--confg", "x"], 2, "unknown option"),
    (["--config"], 2, "missing"), (["validate", "--config", "/nonexistent"], 2, "cannot read"),
    (["send"], 2, "usage"), (["send", "--endpoint", "http://127.0.0.1:1", "/nonexistent"], 1, "cannot be read"),
    (["send", "/"], 1, "/: cannot be read: Is a directory"), (["send", "/dev/null"], 1, "is empty"),
    (["send", "--endpoint", "http://127.0.0.1:1/v1/traces", "x"], 2, "leave out '/v1/traces'"),
])
def test_usage(args, code, word):
    done = sluice(*args)
    assert done.returncode == code and word in done.stdout + done.stderr


def test_a_taken_port_is_a_clear_error(start):
    first = start("""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
exporters: {{nop: }}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}}}
""")
    done = sluice("--config", first.config)
    assert done.returncode == 1 and str(first.http) in done.stderr and "in use" in done.stderr
    first.stop()


def test_send_delivers_json_lines_and_protobuf(to_file, tmp_path):
    running = to_file()
    endpoint = f"http://127.0.0.1:{running.http}"
    name, signal, _, content_type, body = next(r for r in otlp.corpus() if "json" not in r[3])
    (tmp_path / "one.pb").write_bytes(body)
    sample = otlp.ROOT / "app/samples/agent-run.jsonl"
    done = sluice("send", "--endpoint", endpoint, sample, tmp_path / "one.pb")
    assert done.returncode == 0, done.stderr
    refused = sluice("send", "--endpoint", f"http://127.0.0.1:{free_ports(1)[0]}", sample)
    assert refused.returncode == 1 and "not sent" in refused.stderr
    running.stop()
    got = otlp.read_lines(running.output)
    assert len(got) == 2 and got[1][1] == otlp.parse_body(signal, content_type, body)


def test_send_tells_what_is_wrong_with_a_file(tmp_path):
    (tmp_path / "lines.gz").write_bytes(gzip.compress(b'{"resourceSpans": []}'))
    (tmp_path / "pretty.json").write_text('{\n  "resourceSpans": []\n}\n')
    (tmp_path / "good.jsonl").write_text('{"resourceSpans": []}\r\n')
    for name, words in (("lines.gz", "zcat"), ("pretty.json", "each document on one line"),
                        ("good.jsonl", "not sent to 127.0.0.1:1: ")):
        done = sluice("send", "--endpoint", "http://127.0.0.1:1", tmp_path / name)
        assert done.returncode == 1 and words in done.stderr


def test_send_finds_the_signal_of_a_protobuf_file(to_file, tmp_path):
    running = to_file()
    sent = {}
    for name, signal, _, content_type, body in otlp.corpus():
        if "json" in content_type or signal in sent:
            continue
        sent[signal] = otlp.parse_body(signal, content_type, body)
        path = tmp_path / f"{signal}.bin"
        path.write_bytes(body)
        done = sluice("send", "--endpoint", f"http://127.0.0.1:{running.http}", path)
        assert done.returncode == 0, done.stderr
    running.stop()
    assert dict(otlp.read_lines(running.output)) == sent and len(sent) == 3
