# SPDX-License-Identifier: Apache-2.0
"""OTLP destinations for the tests: gRPC and HTTP servers that record what they
got and answer as told."""
import gzip
import http.server
import threading
from concurrent import futures

import grpc
import otlp
import zstandard
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc


class Sink:
    """Requests received, and the script of answers: each entry is used once, then
    everything succeeds. None: success; otherwise what the transport understands."""

    def __init__(self):
        self.received, self.refused, self.script = [], 0, []
        self.headers = []
        self.delay = 0.0
        self.lock = threading.Lock()
        self.wake = threading.Event()

    def next_answer(self):
        with self.lock:
            return self.script.pop(0) if self.script else None

    def take(self, signal, request, headers):
        if self.delay:
            self.wake.wait(self.delay)
        answer = self.next_answer()
        with self.lock:
            if answer is None or isinstance(answer, otlp.RESPONSES[signal]) or answer[0] == 200:
                self.received.append((signal, request))
                self.headers.append(headers)
            else:
                self.refused += 1
        return answer

    def names(self):
        with self.lock:
            return [r.name for s, q in self.received if s == "traces" for r in otlp.records(s, q)]


class GrpcSink(Sink):
    def __init__(self, port=0):
        super().__init__()
        self.server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        sink = self

        def servicer(base, signal):
            class Servicer(base):
                def Export(self, request, context):
                    answer = sink.take(signal, request, dict(context.invocation_metadata()))
                    if answer is None:
                        return otlp.RESPONSES[signal]()
                    if isinstance(answer, otlp.RESPONSES[signal]):
                        return answer
                    code, retry_s = answer
                    if retry_s is not None:
                        info = any_pb2.Any()
                        info.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=int(retry_s * 1e9))))
                        status = status_pb2.Status(code=code.value[0], message="as told", details=[info])
                        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
                    context.abort(code, "as told")
            return Servicer()

        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(
            servicer(trace_service_pb2_grpc.TraceServiceServicer, "traces"), self.server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(
            servicer(metrics_service_pb2_grpc.MetricsServiceServicer, "metrics"), self.server)
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(
            servicer(logs_service_pb2_grpc.LogsServiceServicer, "logs"), self.server)
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def close(self):
        self.wake.set()
        self.server.stop(0).wait()


class HttpSink(Sink):
    def __init__(self, port=0):
        super().__init__()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                encoding = self.headers.get("Content-Encoding", "")
                if encoding == "gzip":
                    body = gzip.decompress(body)
                elif encoding == "zstd":
                    body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
                signal = self.path.rsplit("/", 1)[1]
                request = otlp.parse_body(signal, self.headers["Content-Type"], body)
                answer = sink.take(signal, request, dict(self.headers))
                status, headers, text = (200, {}, b"") if answer is None else answer
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.wake.set()
        self.server.shutdown()
        self.server.server_close()
