"""A strict HTTP/1 client on a raw socket.

Used by the wire tests and by the compat suite.  It sends exactly the bytes it is given and accepts
only answers that follow RFC 9112 to the letter: whatever a lenient client would forgive raises
ProtocolError.  A Conn owns its socket; a Response owns copies of all it holds.
"""
import re
import select
import socket
import ssl
import time
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
HEAD_MAX_BYTES = 256 * 1024
READ_BYTES = 256 * 1024


class ProtocolError(Exception):
    """The peer sent bytes that are not a well-formed answer."""


class ConnectionEnded(Exception):
    """The peer ended the connection where an answer was due; `.how` is 'closed' or 'reset'."""

    def __init__(self, how, partial=b""):
        super().__init__(f"connection {how} after {len(partial)} bytes: {partial[:200]!r}")
        self.how = how
        self.partial = partial


class Deadline(Exception):
    """Nothing complete arrived in the time allowed; `.partial` is what did arrive."""

    def __init__(self, what, partial=b""):
        super().__init__(f"no {what} in time, {len(partial)} bytes so far: {partial[:200]!r}")
        self.partial = partial


class Headers:
    """Header fields in wire order; names compare without case."""

    def __init__(self, pairs):
        self.pairs = list(pairs)

    def all(self, name):
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name):
        return bool(self.all(name))

    def __iter__(self):
        return iter(self.pairs)

    def __repr__(self):
        return f"Headers({self.pairs!r})"

    def tokens(self, name):
        """The members of a comma-separated list field, in lower case."""
        value = self.get(name, "")
        return [part.strip().lower() for part in value.split(",") if part.strip()]


@dataclass
class Response:
    version: str                     # "1.1"; "0.9" where there was no head at all
    status: int                      # 0 for HTTP/0.9
    reason: str
    headers: Headers
    body: bytes = b""
    framing: str = "none"            # none, length, chunked, close
    trailers: Headers = field(default_factory=lambda: Headers([]))
    raw_head: bytes = b""

    @property
    def interim(self):
        return 100 <= self.status < 200 and self.status != 101

    @property
    def says_close(self):
        """Whether the sender announced (RFC 9112 s9.3) that it ends the connection after this."""
        tokens = self.headers.tokens("connection")
        if self.framing == "close" or "close" in tokens:
            return True
        return self.version < "1.1" and "keep-alive" not in tokens


def parse_head(head):
    """A Response without its body from the bytes of a head, its empty line left off."""
    lines = head.split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise ProtocolError(f"CR, LF or NUL inside the line {line!r}")
    match = STATUS_LINE.fullmatch(lines[0])
    if not match:
        raise ProtocolError(f"status line {lines[0]!r}")
    version, status, reason = (part.decode("latin-1") for part in match.groups())
    return Response(version, int(status), reason, parse_fields(lines[1:]), raw_head=head)


def parse_fields(lines):
    pairs = []
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        if not match:
            raise ProtocolError(f"field line {line!r}")
        name, value = match.groups()
        pairs.append((name.decode("ascii"), value.strip(b" \t").decode("latin-1")))
    return Headers(pairs)


def body_framing(method, response):
    """How the body ends (RFC 9112 s6.3): ('none'|'chunked'|'length'|'close', length or None)."""
    codings = response.headers.tokens("transfer-encoding")
    lengths = response.headers.all("content-length")
    if codings and lengths:
        raise ProtocolError("both Transfer-Encoding and Content-Length")
    if len(lengths) > 1 or (lengths and not re.fullmatch(r"[0-9]+", lengths[0])):
        raise ProtocolError(f"Content-Length {lengths!r}")
    if method == "HEAD" or response.status < 200 or response.status in (204, 304):
        if response.status < 200 and (codings or lengths):
            raise ProtocolError("framing fields in an interim answer")
        return "none", None
    if codings:
        if codings != ["chunked"]:
            raise ProtocolError(f"Transfer-Encoding {codings!r}")
        return "chunked", None
    if lengths:
        return "length", int(lengths[0])
    return "close", None


class Conn:
    """One connection.  Every wait has a deadline in seconds; none sleeps for a fixed time."""

    def __init__(self, address, timeout_s=5.0, source=None, tls=None, name="localhost"):
        """`source`: the address to connect from, any of 127.0.0.0/8.  `tls`: an ssl.SSLContext;
        `name` is the server's in the handshake, None sends none."""
        family = socket.AF_INET6 if ":" in str(address[0]) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(timeout_s)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=name)
        self.sock.setblocking(False)
        self.timeout_s = timeout_s
        self.buffer = bytearray()
        self.end = None              # 'closed' or 'reset' once the peer's direction is over
        self.send_broke = False      # the peer refused some of what was sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def abort(self):
        """Close so that the peer sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def shutdown_write(self):
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_WR)  # of TCP: a TLS session is not told
        except OSError:
            self.send_broke = True

    def send(self, data, timeout_s=None):
        """Send all of `data`, taking in what arrives meanwhile; a peer that stops reading with a
        close or reset is no error here, `send_broke` tells it."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        view = memoryview(data)
        while view and not self.send_broke:
            self._await(write=True, deadline=deadline, what="room to send")
            try:
                view = view[self.sock.send(view):]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if self.end is None:
                    self._receive()
            except OSError:
                self.send_broke = True

    def response(self, method="GET", timeout_s=None):
        """The next answer, whole.  `method` is that of the request it answers."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        head = self._until(b"\r\n\r\n", deadline)
        response = parse_head(head)
        response.framing, length = body_framing(method, response)
        if response.framing == "length":
            response.body = self._exactly(length, deadline)
        elif response.framing == "chunked":
            self._chunked(response, deadline)
        elif response.framing == "close":
            response.body = self._rest(deadline)
        return response

    def final_response(self, method="GET", timeout_s=None):
        """The next answer that is not an interim one."""
        while True:
            response = self.response(method, timeout_s)
            if not response.interim:
                return response

    def headless_response(self, timeout_s=None):
        """All bytes up to the end as an HTTP/0.9 answer."""
        body = self._rest(time.monotonic() + (timeout_s or self.timeout_s))
        return Response("0.9", 0, "", Headers([]), body, "close")

    def request(self, method, target, headers=None, body=b"", timeout_s=None):
        """Send a plain HTTP/1.1 request and return its final answer."""
        fields = {"Host": "localhost"}
        fields.update(headers or {})
        fields = {name: value for name, value in fields.items() if value is not None}
        if body and "Content-Length" not in fields:
            fields["Content-Length"] = str(len(body))
        head = f"{method} {target} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send(head.encode("latin-1") + b"\r\n" + body, timeout_s)
        return self.final_response(method, timeout_s)

    def ask(self, method, target, fields=()):
        """Sends a request without a body and does not wait; what `answer` takes."""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in fields)]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        return method

    def answer(self, asked, timeout_s=None):
        return self.final_response(asked, timeout_s)

    def wait_end(self, timeout_s):
        """'closed' or 'reset' if the peer ends the connection in time, else 'open'.  Bytes that
        arrive meanwhile stay in `buffer`."""
        deadline = time.monotonic() + timeout_s
        while self.end is None:
            try:
                self._fill(deadline, "end")
            except Deadline:
                return "open"
        return self.end

    def wait_bytes(self, timeout_s):
        """True once something unread is there; False at the end or when time is out."""
        deadline = time.monotonic() + timeout_s
        while not self.buffer and self.end is None:
            try:
                self._fill(deadline, "bytes")
            except Deadline:
                break
        return bool(self.buffer)

    def _await(self, write, deadline, what):
        if not write and isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT if write else select.POLLIN)
        left_ms = max(0.0, (deadline - time.monotonic()) * 1000)
        if not poll.poll(left_ms):
            raise Deadline(what, bytes(self.buffer))

    def _receive(self):
        try:
            data = self.sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.end = "reset"
            return
        if data:
            self.buffer += data
        else:
            self.end = "closed"

    def _fill(self, deadline, what):
        self._await(write=False, deadline=deadline, what=what)
        self._receive()

    def _until(self, mark, deadline):
        """The bytes before `mark`, which is consumed too."""
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            if self.end:
                raise ConnectionEnded(self.end, bytes(self.buffer))
            if len(self.buffer) > HEAD_MAX_BYTES:
                raise ProtocolError(f"no {mark!r} in {len(self.buffer)} bytes")
            start = max(0, len(self.buffer) - len(mark))
            self._fill(deadline, repr(mark))
        piece = bytes(self.buffer[:at])
        del self.buffer[:at + len(mark)]
        return piece

    def _exactly(self, length, deadline):
        while len(self.buffer) < length:
            if self.end:
                raise ConnectionEnded(self.end, bytes(self.buffer))
            self._fill(deadline, f"{length} bytes of body")
        piece = bytes(self.buffer[:length])
        del self.buffer[:length]
        return piece

    def _rest(self, deadline):
        while self.end is None:
            self._fill(deadline, "end of body")
        if self.end == "reset":
            raise ConnectionEnded(self.end, bytes(self.buffer))
        piece = bytes(self.buffer)
        self.buffer.clear()
        return piece

    def _chunked(self, response, deadline):
        pieces = []
        while True:
            line = self._until(b"\r\n", deadline)
            match = CHUNK_LINE.fullmatch(line)
            if not match:
                raise ProtocolError(f"chunk line {line!r}")
            size = int(match.group(1), 16)
            if size == 0:
                break
            pieces.append(self._exactly(size, deadline))
            if self._exactly(2, deadline) != b"\r\n":
                raise ProtocolError("no CRLF after a chunk")
        lines = []
        while line := self._until(b"\r\n", deadline):
            lines.append(line)
        response.trailers = parse_fields(lines)
        response.body = b"".join(pieces)
