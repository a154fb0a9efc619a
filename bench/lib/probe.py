"""One request on one connection, looked at closely: proof that a server gives the right answer."""

from __future__ import annotations

import functools
import hashlib
import http.client
import io
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError
from .model import Case


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body_bytes: int
    body_sha256: str
    wire_bytes: int
    """Head and body as they came over the connection."""
    closed: bool
    """The server closed the connection after the answer."""


class _Counting(io.RawIOBase):
    """Reads a socket and counts."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n = self._sock.recv_into(buffer)
        self.count += n
        return n


class _FileSource:
    """What http.client.HTTPResponse wants of a socket."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The reader over the counting socket."""
        return io.BufferedReader(self._raw)


def request_bytes(case: Case, port: int) -> bytes:
    """The case's request as wrk sends it."""
    headers = {"Host": f"127.0.0.1:{port}", **case.headers}
    lines = [f"GET {case.path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@functools.cache
def _tls_client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(case: Case, port: int, timeout_s: float = 10.0) -> socket.socket:
    """A connection to a server on this machine, with TLS (unverified) for https."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    if case.scheme != "https":
        return sock
    return _tls_client().wrap_socket(sock, server_hostname="localhost")


def _is_closed(sock: socket.socket) -> bool:
    sock.settimeout(0.2)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False


def ask(case: Case, port: int) -> Answer:
    """Send the case's request on a new connection and read the whole answer."""
    try:
        with connect(case, port) as sock:
            sock.sendall(request_bytes(case, port))
            raw = _Counting(sock)
            response = http.client.HTTPResponse(_FileSource(raw), method="GET")  # type: ignore
            response.begin()
            body = response.read()
            closed = _is_closed(sock) if case.closes else False
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"no valid answer: {error!r}") from error
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body_bytes=len(body),
        body_sha256=hashlib.sha256(body).hexdigest(),
        wire_bytes=raw.count,
        closed=closed,
    )


def check(case: Case, answer: Answer, docroot: Path) -> None:
    """Raise BenchError unless the answer is the one that the case expects."""
    expect = case.expect
    if answer.status != expect.status:
        raise BenchError(f"status {answer.status}, expected {expect.status}")
    if expect.empty and answer.body_bytes:
        raise BenchError(f"body of {answer.body_bytes} bytes, expected none")
    if case.closes and not answer.closed:
        raise BenchError("the connection stays open after 'Connection: close'")
    if expect.file is None:
        return
    data = (docroot / expect.file).read_bytes()
    if answer.body_bytes != len(data):
        raise BenchError(f"body of {answer.body_bytes} bytes, expected {len(data)}")
    if answer.body_sha256 != hashlib.sha256(data).hexdigest():
        raise BenchError("the body is not the file")
