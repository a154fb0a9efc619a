"""The floor: what the cheapest possible program costs for the same bytes (floor/floor.c)."""

from __future__ import annotations

import http.client
import os
import shlex
import subprocess
from pathlib import Path

from lib.errors import BenchError
from lib.model import Case
from lib.server import Server, Setup, find_program

SOURCE = Path(__file__).resolve().parents[1] / "floor" / "floor.c"
CACHE = Path(__file__).resolve().parents[2] / "build" / "bench"
SENDFILE_FROM_BYTES = 32 << 10
"""From this size on, sendfile from the page cache costs less than send from memory."""


class Floor(Server):
    """Built on first use; answers every request with the case's expected answer."""

    name = "floor"
    title = "floor"
    family = "floor"
    slot_names = frozenset({"args"})
    writes_access_log = False

    def __init__(self) -> None:
        self._program: Path | None = None

    def program(self) -> str | None:
        """Compiled with the system's compiler, anew when the source is newer."""
        if self._program is None and find_program("cc"):
            self._program = self._build()
        return str(self._program) if self._program else None

    def missing(self) -> str | None:
        """Without a compiler there is no floor."""
        return None if self.program() else "no C compiler (cc)"

    def version(self) -> str:
        """It has none."""
        return ""

    def skips(self, case: Case) -> str | None:
        """It knows no TLS."""
        if case.scheme != "http":
            return "plain HTTP only"
        return super().skips(case)

    def write_config(self, setup: Setup) -> None:
        """All is on the command line."""

    def argv(self, setup: Setup) -> list[str]:
        """The slot `args` adds options."""
        expect = setup.case.expect
        reason = http.client.responses.get(expect.status, "Status")
        argv = [str(self.program()), "-p", str(setup.port), "-s", f"{expect.status} {reason}"]
        if expect.file is not None:
            path = setup.docroot / expect.file
            argv += ["-f", str(path)]
            if path.stat().st_size >= SENDFILE_FROM_BYTES:
                argv.append("-z")
        elif not expect.empty:
            argv += ["-b", "200"]
        if setup.case.closes:
            argv.append("-c")
        return argv + shlex.split(setup.slot("args"))

    def _build(self) -> Path:
        program = CACHE / "floor"
        if program.exists() and program.stat().st_mtime > SOURCE.stat().st_mtime:
            return program
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = CACHE / f"floor.{os.getpid()}"
        argv = ["cc", "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-o", str(fresh), str(SOURCE)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"the floor does not compile:\n{done.stderr}")
        return fresh.rename(program)


SERVERS = [Floor()]
