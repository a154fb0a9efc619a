"""System calls a request: strace on a running server while one connection asks again and again."""

from __future__ import annotations

import argparse
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import probe
from .errors import BenchError, guarded
from .model import Case, Settings
from .probe import connect, request_bytes
from .registry import all_cases, all_servers, select
from .report import as_text
from .runner import say
from .server import Instance, Server, find_program
from .site import Site, temporary_site

ATTACH_TIMEOUT_S = 10.0
WARM_UP_REQUESTS = 50
CALL = re.compile(r"^(?:\d+\s+)?(\w+)\(")
SUMMARY = re.compile(r"^\s*(\d+)\s+(\d*)\s*(\w+)$")


class Client:
    """Asks for the case's file, on one connection or on one each."""

    def __init__(self, case: Case, instance: Instance, wire_bytes: int) -> None:
        self._case = case
        self._port = instance.port
        self._wire_bytes = wire_bytes
        self._request = request_bytes(case, instance.port)
        self._sock: socket.socket | None = None

    def ask(self, times: int) -> None:
        """One request after another."""
        for _ in range(times):
            if self._sock is None:
                self._sock = connect(self._case, self._port)
            self._sock.sendall(self._request)
            self._read_answer(self._sock)
            if self._case.closes:
                self.close()

    def _read_answer(self, sock: socket.socket) -> None:
        left = self._wire_bytes
        while left > 0:
            data = sock.recv(min(left, 1 << 16))
            if not data:
                raise BenchError("the server closed the connection")
            left -= len(data)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _is_traced(pid: int) -> bool:
    """Whether strace has attached to all threads of the process."""
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        if re.search(r"^TracerPid:\t0$", status.read_text(), re.MULTILINE):
            return False
    return True


@contextmanager
def _strace(pids: list[int], options: list[str], output: Path) -> Iterator[None]:
    """strace attached to all processes; its result is in `output` afterwards."""
    argv = ["strace", "-f", "-qq", "-o", str(output), *options]
    for pid in pids:
        argv += ["-p", str(pid)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + ATTACH_TIMEOUT_S
        while not all(_is_traced(pid) for pid in pids):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("strace cannot attach (is ptrace allowed?)")
            time.sleep(0.05)
        yield
        time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _counts_of_summary(text: str) -> Counter[str]:
    """Calls by name from what `strace -c -U calls,errors,name` prints."""
    matches = (SUMMARY.match(line) for line in text.splitlines())
    return Counter({m.group(3): int(m.group(1)) for m in matches if m and m.group(3) != "total"})


def _counts_of_log(text: str) -> Counter[str]:
    """Calls by name from a log; a call that was interrupted in it counts once."""
    matches = (CALL.match(line) for line in text.splitlines())
    return Counter(match.group(1) for match in matches if match)


def _trace(
    server: Server, case: Case, requests: int, raw: bool, site: Site
) -> tuple[Counter[str], list[str]]:
    """Calls by name, and with `raw` the log's lines."""
    options = [] if raw else ["-c", "-U", "calls,errors,name"]
    with server.running(case, Settings(), site) as instance:
        answer = probe.ask(case, instance.port)
        probe.check(case, answer, site.docroot)
        client = Client(case, instance, answer.wire_bytes)
        output = site.root / f"{server.name}.strace"
        try:
            client.ask(WARM_UP_REQUESTS)
            with _strace(instance.pids(), options, output):
                client.ask(requests)
        finally:
            client.close()
    text = output.read_text(errors="replace")
    return (_counts_of_log(text), text.splitlines()) if raw else (_counts_of_summary(text), [])


def _show(server: Server, counts: Counter[str], log: list[str], requests: int) -> None:
    total = sum(counts.values())
    lines = [[server.title, "calls", "per request"]]
    lines += [[name, str(n), f"{n / requests:.3f}"] for name, n in counts.most_common()]
    lines.append(["all", str(total), f"{total / requests:.3f}"])
    print(as_text(lines) + "\n")
    if log:
        print("The log's end, about two requests:")
        print("\n".join(log[-max(2, round(2 * total / requests)):]) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/syscalls", description="System calls a request.")
    parser.add_argument("--server", default="pinion", help="names, comma-separated, or all")
    parser.add_argument("--case", default="1k", help="whose request to make")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--raw", action="store_true", help="log each call, show the last ones")
    return parser


def _run(args: argparse.Namespace) -> int:
    if find_program("strace") is None:
        raise BenchError("strace not found (Debian package strace)")
    case = select(all_cases(), args.case, "case")[0]
    failed = False
    with temporary_site() as site:
        case.prepare(site.docroot)
        for server in select(all_servers(), args.server, "server"):
            reason = server.missing() or server.skips(case)
            if reason:
                say(f"SKIPPED {server.title}: {reason}")
                continue
            try:
                _show(server, *_trace(server, case, args.requests, args.raw, site), args.requests)
            except (BenchError, OSError) as error:
                say(f"{server.title} FAILED: {error}")
                failed = True
    return 1 if failed else 0


def main() -> int:
    """Exit status: 0, 1 when a server failed, 2 when nothing could be run."""
    args = _parser().parse_args()
    if args.requests < 1:
        say("--requests is at least 1")
        return 2
    return guarded("bench/syscalls", lambda: _run(args))
