"""An HTTP/2 client with the face of http1.Conn, for tests that ask the same over every protocol.

Answers come as http1.Response with version "2" and framing "none": frames have taken its place.
"""
import socket

from lib import h2raw, http1

CONNECTION_FIELDS = {"host", "connection", "keep-alive", "transfer-encoding"}


class Conn:
    """One connection, one request at a time unless `ask` is called again before `answer`."""

    def __init__(self, address, timeout_s=5.0, source=None, **_):
        sock = socket.create_connection(address, timeout_s, (source, 0) if source else None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_s = timeout_s
        self.raw = h2raw.Connection(sock, push=0, window=2**30)
        self.raw.window(0, 2**30)
        self.next = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.raw.sock.close()

    def ask(self, method, target, fields=(), body=b"", has_body=False):
        """Sends a request; its stream. A field whose name begins with a colon stands for a part of the target."""
        stream, self.next = self.next, self.next + 2
        fields = [(name.lower(), value) for name, value in fields]
        authority = next((value for name, value in fields if name == "host"), "localhost")
        parts = dict(self.raw.fields(target, method, authority=authority))
        parts.update((name, value) for name, value in fields if name.startswith(":"))
        rest = [(name, value) for name, value in fields if not name.startswith(":") and name not in CONNECTION_FIELDS]
        has_body = has_body or bool(body)
        parts = [(name, value) for name, value in parts.items() if value]
        self.raw.send(self.raw.head(stream, parts + rest, h2raw.END_HEADERS | (0 if has_body else h2raw.END_STREAM)))
        for at in range(0, len(body), 16000):
            self.raw.data(stream, body[at:at + 16000])
        if has_body:
            self.raw.data(stream, b"", end=True)
        return stream

    def answer(self, stream, timeout_s=None):
        """The final answer on a stream; ConnectionEnded when it was reset."""
        self.raw.sock.settimeout(timeout_s or self.timeout_s)
        try:
            got = self.raw.answer(stream)
        except TimeoutError:
            raise http1.Deadline("an answer", b"") from None
        if got.reset is not None or not got.fields:
            raise http1.ConnectionEnded("closed" if got.reset is None else f"reset {got.reset}")
        headers = http1.Headers([(name, value) for name, value in got.fields if not name.startswith(":")])
        return http1.Response("2", got.status, "", headers, got.body, "none", http1.Headers(got.trailers))

    def wait_bytes(self, timeout_s):
        """True once content of an answer has come."""
        self.raw.sock.settimeout(timeout_s)
        return self.raw.until(lambda frame: frame.type == h2raw.DATA) is not None

    def request(self, method, target, headers=None, body=b"", timeout_s=None):
        fields = [(name, value) for name, value in (headers or {}).items() if value is not None]
        return self.answer(self.ask(method, target, fields, body), timeout_s)
