"""Driver that measures what an idle kept-alive connection costs in process memory."""

from __future__ import annotations

import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .errors import BenchError
from .model import Metric, Run, Sample
from .probe import connect, request_bytes

SPARE_DESCRIPTORS = 256
SETTLE_S = 1.0
WARM_UP_REQUESTS = 200


def raise_descriptor_limit() -> int:
    """Lift the soft limit to the hard one, for this process and the servers; the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _read_answer(sock: socket.socket, wire_bytes: int) -> None:
    """Read one answer of known length."""
    left = wire_bytes
    while left > 0:
        data = sock.recv(min(left, 65536))
        if not data:
            raise BenchError("the server closed a connection that asked for nothing of the kind")
        left -= len(data)


def _open_one(run: Run, request: bytes) -> socket.socket:
    sock = connect(run.case, run.instance.port)
    try:
        sock.sendall(request)
        _read_answer(sock, run.answer.wire_bytes)
    except BaseException:
        sock.close()
        raise
    return sock


@contextmanager
def _idle_connections(run: Run, count: int) -> Iterator[list[socket.socket]]:
    """`count` open connections that have each made one request."""
    request = request_bytes(run.case, run.instance.port)
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            sockets.append(_open_one(run, request))
        yield sockets
    except OSError as error:
        raise BenchError(f"connection {len(sockets) + 1} of {count}: {error!r}") from error
    finally:
        for sock in sockets:
            sock.close()


def _still_open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


@dataclass(frozen=True)
class Idle:
    """Opens the connections, makes one request on each, weighs the server before and after."""

    metrics: tuple[Metric, ...] = (
        Metric("idle_bytes", "bytes/connection", digits=0),
        Metric("connections", "connections", digits=0),
        Metric("before_bytes", "PSS MB before", scale=1 << 20, digits=1),
        Metric("with_bytes", "PSS MB with them", scale=1 << 20, digits=1),
    )

    def warm_up(self, run: Run) -> None:
        """Some requests one after another, so that what is allocated once is not counted."""
        request = request_bytes(run.case, run.instance.port)
        for _ in range(WARM_UP_REQUESTS):
            _open_one(run, request).close()
        time.sleep(SETTLE_S)

    def measure(self, run: Run) -> Sample:
        """Process memory only: the kernel's socket buffers are the same for all servers."""
        count = min(run.connections, run.instance.max_idle_connections)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if count + SPARE_DESCRIPTORS > limit:
            raise BenchError(f"{count} connections need a descriptor limit over {limit}")
        before = run.instance.pss_bytes()
        with _idle_connections(run, count) as sockets:
            time.sleep(SETTLE_S)
            loaded = run.instance.pss_bytes()
            closed = sum(not _still_open(sock) for sock in sockets)
        if closed:
            raise BenchError(f"the server closed {closed} of {count} idle connections")
        return {
            "idle_bytes": (loaded - before) / count,
            "connections": count,
            "before_bytes": before,
            "with_bytes": loaded,
        }
