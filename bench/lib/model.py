"""What a case is made of: the request, the answer it must get, the files it needs, the driver.

A file in bench/cases/ builds `Case` objects from these and lists them in `CASES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .probe import Answer
    from .server import Instance

Sample = dict[str, float]
"""The numbers of one run, by the key of their metric."""


@dataclass(frozen=True)
class Metric:
    """A number that a driver measures, and how the tables show it."""

    key: str
    title: str
    scale: float = 1.0
    """The measured number is divided by this for display."""
    digits: int = 1
    ratio_to_floor: bool = False
    """Whether a multiple of the floor's number means anything."""


@dataclass(frozen=True)
class Expect:
    """The answer that a case must get; anything else fails the run."""

    status: int = 200
    file: str | None = None
    """Path under the document root whose bytes the body must equal; None: any body."""
    empty: bool = False
    """The body must be empty."""


@dataclass(frozen=True)
class Settings:
    """What the command line says about every run."""

    seconds: int = 3
    connections: int = 64
    warm_up_seconds: int = 1


@dataclass(frozen=True)
class Run:
    """One server, started and checked, with one case to measure."""

    case: Case
    settings: Settings
    instance: Instance
    answer: Answer
    """What the server said to the case's request just before the run."""
    docroot: Path

    @property
    def connections(self) -> int:
        """How many connections the load generator opens."""
        return self.case.connections or self.settings.connections

    @property
    def url(self) -> str:
        """The case's address on this server."""
        return f"{self.case.scheme}://127.0.0.1:{self.instance.port}{self.case.path}"


class Driver(Protocol):
    """Puts load on a server and measures. `metrics[0]` is the number that is compared."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What `measure` returns, in the order of the table's columns."""

    def warm_up(self, run: Run) -> None:
        """Bring caches and process pools to the state of a busy server."""

    def measure(self, run: Run) -> Sample:
        """One measured run; raises BenchError when it must not count."""


def _nothing_to_prepare(_docroot: Path) -> None:
    """The standard files are enough."""


@dataclass(frozen=True)
class Case:
    """One question put to all servers."""

    name: str
    title: str
    driver: Driver
    path: str = "/1k.txt"
    headers: Mapping[str, str] = field(default_factory=dict)
    expect: Expect = field(default_factory=Expect)
    scheme: str = "http"
    connections: int | None = None
    """Overrides --connections, for all servers alike."""
    prepare: Callable[[Path], None] = _nothing_to_prepare
    """Adds to the document root, which already holds the standard files (lib/site.py)."""
    config: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Server or family name -> slot of its configuration -> text (see bench/README.md)."""
    only: frozenset[str] | None = None
    """Names or families that can be asked; None: all."""
    order: int = 100
    """Place in the tables."""

    @property
    def closes(self) -> bool:
        """Whether each request asks for a connection of its own."""
        return self.headers.get("Connection", "").lower() == "close"
