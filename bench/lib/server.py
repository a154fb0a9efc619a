"""The server adapter: how to configure, start, find and stop one server.

A file in bench/servers/ derives from `Server` and lists its objects in `SERVERS`.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import procs
from .errors import BenchError
from .model import Case, Settings
from .site import Site, free_port

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
SPARE_CONNECTIONS = 1024
"""What servers may hold beyond what a case opens, where they want a limit."""
NO_LIMIT = 1 << 20


@dataclass(frozen=True)
class Account:
    """Whom the servers run as when root starts them."""

    user: str
    group: str
    uid: int
    gid: int


def run_as() -> Account | None:
    """The account that servers change to; None unless started by root."""
    if os.geteuid() != 0:
        return None
    for name in ("www-data", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, grp.getgrgid(found.pw_gid).gr_name, found.pw_uid, found.pw_gid)
    return None


def find_program(*names: str) -> str | None:
    """The first of the programs that exists; /usr/sbin is searched too."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    return None


def first_output_line(*argv: str) -> str:
    """The first line that a program prints, for versions."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[0] if lines else ""


@dataclass(frozen=True)
class Setup:
    """What an adapter needs to write a configuration."""

    case: Case
    settings: Settings
    folder: Path
    docroot: Path
    port: int
    slots: dict[str, str]
    """The case's configuration fragments for this server, placeholders filled in."""

    @property
    def connections(self) -> int:
        """How many connections the case opens."""
        return self.case.connections or self.settings.connections

    @property
    def max_connections(self) -> int:
        """The limit to configure; not larger than needed, for nginx allocates by it."""
        return self.connections + SPARE_CONNECTIONS

    def slot(self, name: str, default: str = "") -> str:
        """The case's text for a place in the configuration, or the server's own."""
        return self.slots.get(name, default)


@dataclass
class Instance:
    """A running server."""

    name: str
    pid: int
    port: int
    folder: Path
    max_idle_connections: int

    def cpu_ns(self) -> int:
        """User and system time of all its processes so far."""
        return procs.tree_cpu_ns(self.pid)

    def pss_bytes(self) -> int:
        """Proportional set size of all its processes."""
        return procs.tree_pss_bytes(self.pid)

    def is_alive(self) -> bool:
        """Whether its first process still runs."""
        stat = procs.read_stat(self.pid)
        return stat is not None and not stat.ended

    def pids(self) -> list[int]:
        """All its processes, the first one first."""
        return list(procs.tree(self.pid))


class Server:
    """One way to run one program. Derive and override; all else is common."""

    name = ""
    title = ""
    family = ""
    """Servers that read the same configuration language share one."""
    package = ""
    """The Debian package to install, for the message when the program is missing."""
    slot_names: frozenset[str] = frozenset()
    """The configuration fragments that a case may give."""
    writes_access_log = True
    max_idle_connections = NO_LIMIT
    """Servers that hold a process or thread a connection are asked for fewer."""

    def program(self) -> str | None:
        """Path of the program, or None when it is missing."""
        raise NotImplementedError

    def version(self) -> str:
        """Name and version, for the caption of the tables."""
        raise NotImplementedError

    def write_config(self, setup: Setup) -> None:
        """Write what `argv` names into the instance's folder."""
        raise NotImplementedError

    def argv(self, setup: Setup) -> list[str]:
        """The command that runs the server in the foreground."""
        raise NotImplementedError

    def missing(self) -> str | None:
        """Why the server cannot run here, or None."""
        if self.program() is not None:
            return None
        return f"not found (Debian package {self.package})" if self.package else "not built"

    def skips(self, case: Case) -> str | None:
        """Why the case cannot be put to this server, or None."""
        if case.only is not None and not {self.name, self.family} & case.only:
            return "the case is not for this server"
        return None

    @contextmanager
    def running(self, case: Case, settings: Settings, site: Site) -> Iterator[Instance]:
        """The server, started for a case; stopped at the end, by pid."""
        setup = self._setup(case, settings, site)
        self.write_config(setup)
        output = setup.folder / "output.txt"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                self.argv(setup), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                cwd=setup.folder, start_new_session=True,
            )
        try:
            _await_start(process, setup)
            yield Instance(
                self.name, process.pid, setup.port, setup.folder, self.max_idle_connections
            )
        finally:
            _stop(process)

    def _setup(self, case: Case, settings: Settings, site: Site) -> Setup:
        folder = site.new_folder(self.name)
        account = run_as()
        if account is not None:
            os.chown(folder, account.uid, account.gid)
        port = free_port()
        texts = {**case.config.get(self.family, {}), **case.config.get(self.name, {})}
        unknown = set(texts) - self.slot_names
        if unknown:
            raise BenchError(f"{self.name} has no configuration slot {', '.join(sorted(unknown))}")
        values = {"@port@": str(port), "@docroot@": str(site.docroot), "@work@": str(folder)}
        return Setup(
            case, settings, folder, site.docroot, port,
            {slot: _fill(text, values) for slot, text in texts.items()},
        )


def _fill(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def server_messages(folder: Path, lines: int = 8) -> str:
    """The end of what a server printed and logged."""
    texts = []
    for name in ("output.txt", "error.log"):
        path = folder / name
        if path.exists():
            texts += path.read_text(errors="replace").strip().splitlines()[-lines:]
    return "\n".join(f"    {text}" for text in texts)


def _await_start(process: subprocess.Popen[bytes], setup: Setup) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if _accepts(setup.port):
            return
        time.sleep(0.05)
    raise BenchError(f"does not start\n{server_messages(setup.folder)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, then whatever of its processes outlived it."""
    known = procs.tree(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline and _survivors(known):
        time.sleep(0.02)
    for pid in _survivors(known):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _survivors(known: dict[int, procs.Stat]) -> list[int]:
    """The processes that still run, and are still the same ones."""
    alive = []
    for pid, before in known.items():
        now = procs.read_stat(pid)
        if now is not None and not now.ended and now.start_ticks == before.start_ticks:
            alive.append(pid)
    return alive
