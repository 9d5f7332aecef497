# SPDX-License-Identifier: Apache-2.0
"""Things that go wrong on purpose: a proxy that mistreats connections, raw clients,
and the books that a process prints when it ends."""
import contextlib
import re
import socket
import struct
import threading

import otlp

H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
H2_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
H2_GOAWAY = b"\0\0\x08\7\0\0\0\0\0" + struct.pack("!II", 0, 0)


def spans(*names, padding=0):
    """An export request; ids follow from the names."""
    document = otlp.REQUESTS["traces"]()
    scope = document.resource_spans.add().scope_spans.add()
    for name in names:
        number = abs(hash(name)) % (1 << 60) + 1
        span = scope.spans.add(name=name, trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"))
        if padding:
            span.attributes.add(key="padding").value.string_value = "x" * padding
    return document


def http_request(body, length=None, extra=""):
    return (f"POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-protobuf\r\n{extra}"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def reset(s):
    """Closes with RST."""
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def books(summary):
    """{'exporter otlp': {'sent': 3, 'dropped': ...}} from the summary at exit; drops of
    every reason added up."""
    found = {}
    for line in summary.splitlines():
        match = re.match(r"(receiver|processor|exporter)\s+(\S+)\s+(.*)", line)
        if match:
            counts = found.setdefault(f"{match[1]} {match[2]}", {})
            for word, number in re.findall(r"(\w+) +(\d+)", match[3]):
                counts[word] = counts.get(word, 0) + int(number)
    return found


class Proxy:
    """Before a destination: each connection gets the next fault of the script, and
    passes everything once the script is over.

    silent        reads, never answers
    cut           passes the request on, resets inside the answer
    garbage, html answers with bytes that are no answer, or with an HTML error page
    endless       an error whose body never ends
    goaway        HTTP/2: GOAWAY that has processed nothing
    refuse        resets at once
    close         passes one answer, then closes
    """

    def __init__(self, target, script=()):
        self.target, self.script, self.seen = target, list(script), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets, self.open = [], True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            fault = self.script.pop(0) if self.script else "pass"
            self.seen.append(fault)
            self.sockets.append(client)
            threading.Thread(target=self.serve, args=(client, fault), daemon=True).start()

    def serve(self, client, fault):
        with contextlib.suppress(OSError):
            getattr(self, f"do_{fault}")(client)

    @staticmethod
    def swallow(client):
        while client.recv(65536):
            pass

    def do_refuse(self, client):
        reset(client)

    def do_silent(self, client):
        self.swallow(client)

    def do_garbage(self, client):
        client.recv(65536)
        client.sendall(b"\0\xff\x13\x37 this is not a protocol\r\n\r\n" * 20)
        self.swallow(client)

    def do_html(self, client):
        client.recv(65536)
        page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        self.swallow(client)

    def do_endless(self, client):
        client.recv(65536)
        client.sendall(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            client.sendall(b"1000\r\n" + b"z" * 4096 + b"\r\n")

    def do_goaway(self, client):
        client.sendall(H2_SETTINGS)
        client.recv(65536)
        client.sendall(H2_GOAWAY)
        self.swallow(client)

    def do_pass(self, client, limit=None, ending=reset):
        server = connect(self.target)
        server.settimeout(None)
        self.sockets.append(server)

        def forward():
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)

        threading.Thread(target=forward, daemon=True).start()
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                part = data if limit is None else data[:limit]
                client.sendall(part)
                if limit is not None and len(data) >= limit:
                    break
        ending(client)
        reset(server)

    def do_cut(self, client):
        self.do_pass(client, limit=12)

    def do_close(self, client):
        self.do_pass(client, limit=1 << 20, ending=lambda s: s.close())

    def close(self):
        self.open = False
        self.listener.close()
        for s in self.sockets:
            reset(s)
