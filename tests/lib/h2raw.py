"""HTTP/2 frames by hand, for clients that do what no library lets them: a connection, frames in and out, and fields in
literal form or by python3-hpack's coder.

    with h2raw.connect(site) as c:
        c.request(1, "/ten.txt")
        assert c.answer(1).status == 200
"""
import socket
import struct
from dataclasses import dataclass, field

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION) = range(10)
PRIORITY_UPDATE = 0x10
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM,
 CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED) = range(14)
INITIAL_WINDOW_SIZE, ENABLE_PUSH, MAX_FRAME_SIZE = 4, 2, 5


@dataclass
class Frame:
    type: int
    flags: int
    stream: int
    payload: bytes

    def error(self):
        """The code of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.payload[:4] if self.type == RST_STREAM else self.payload[4:8])[0]


@dataclass
class Answer:
    fields: list = field(default_factory=list)
    interim: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    reset: int = None
    ended: bool = False              # its last frame has come

    @property
    def status(self):
        return int(dict(self.fields)[":status"]) if self.fields else None

    def __getitem__(self, name):
        return dict(self.fields)[name]


def frame(type_, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([type_, flags]) + struct.pack(">I", stream) + payload


def settings(**values):
    names = {"window": INITIAL_WINDOW_SIZE, "push": ENABLE_PUSH, "frame": MAX_FRAME_SIZE}
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", names[k], v) for k, v in values.items()))


class Connection:
    def __init__(self, sock, preface=True, **values):
        self.sock = sock
        self.buffer = b""
        self.decoder = hpack.Decoder()
        self.encoder = hpack.Encoder()
        self.answers = {}
        self.promises = {}           # promised stream -> fields
        self.seen = []               # frames that are of no stream's answer
        self.closed = False
        if preface:
            self.send(PREFACE + settings(**values))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # --- out ---

    def send(self, data):
        """A server that has had enough may close meanwhile: that is seen when reading."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True
        return self

    def fields(self, path="/", method="GET", extra=(), authority="localhost", scheme="http"):
        return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *extra]

    def head(self, stream, fields, flags=END_STREAM | END_HEADERS):
        return frame(HEADERS, flags, stream, self.encoder.encode(fields))

    def request(self, stream, path="/", method="GET", extra=(), end=True, **more):
        flags = END_HEADERS | (END_STREAM if end else 0)
        return self.send(self.head(stream, self.fields(path, method, extra, **more), flags))

    def data(self, stream, data, end=False):
        return self.send(frame(DATA, END_STREAM if end else 0, stream, data))

    def window(self, stream, n):
        return self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n)))

    def reset(self, stream, code=CANCEL):
        return self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    # --- in ---

    def _receive(self, n):
        while len(self.buffer) < n:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                self.closed = True
                return None
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def frame(self):
        """The next frame, None at the end. SETTINGS are acknowledged, fields and data go to their answers."""
        head = self._receive(9)
        payload = head and self._receive(int.from_bytes(head[:3], "big"))
        if payload is None:
            return None
        got = Frame(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7fffffff, payload)
        self._take(got)
        return got

    def _take(self, got):
        answer = self.answers.setdefault(got.stream, Answer()) if got.stream else None
        if got.type == SETTINGS and not got.flags & ACK:
            self.send(frame(SETTINGS, ACK))
        elif got.type == HEADERS:
            fields = self.decoder.decode(got.payload)
            fields = [(str(k), str(v)) for k, v in fields]
            if fields[0][0] != ":status":
                answer.trailers = fields
            elif fields[0][1].startswith("1"):
                answer.interim.append(fields)
            else:
                answer.fields = fields
        elif got.type == PUSH_PROMISE:
            promised = int.from_bytes(got.payload[:4], "big")
            self.promises[promised] = [(str(k), str(v)) for k, v in self.decoder.decode(got.payload[4:])]
        elif got.type == DATA:
            answer.body += got.payload
        elif got.type == RST_STREAM:
            answer.reset = got.error()
        else:
            self.seen.append(got)
        if answer and (got.type == RST_STREAM or (got.type in (DATA, HEADERS) and got.flags & END_STREAM)):
            answer.ended = True

    def until(self, done):
        """Reads until a frame is what is waited for; None when the connection ended first."""
        while True:
            got = self.frame()
            if got is None or done(got):
                return got

    def answer(self, stream):
        """The answer, when its last frame has come (or the connection has ended)."""
        answer = self.answers.setdefault(stream, Answer())
        if not answer.ended:
            self.until(lambda _: answer.ended)
        return answer

    def goaway(self):
        """The error code that the server says goodbye with; None when it just closed."""
        got = self.until(lambda f: f.type == GOAWAY)
        return got and got.error()

    def ping(self):
        """Waits until everything sent so far has been looked at."""
        self.send(frame(PING, 0, 0, b"12345678"))
        return self.until(lambda f: f.type == PING and f.flags & ACK)


def connect(site, **values):
    sock = socket.create_connection(("127.0.0.1", site.port), timeout=8)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(sock, **values)
