"""Finds the cases and servers: every file of bench/cases/ and bench/servers/."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from .errors import BenchError
from .model import Case
from .server import Server

BENCH = Path(__file__).resolve().parents[1]
SERVER_ORDER = ("floor", "pinion", "nginx", "nginx-ofc", "h2o", "lighttpd")
"""First in every table; others follow by file and by their place in it."""

Named = TypeVar("Named", Case, Server)


def _collect(folder: str, variable: str) -> list[Any]:
    found: list[Any] = []
    for path in sorted((BENCH / folder).glob("*.py")):
        if path.name == "__init__.py":
            continue
        spec = importlib.util.spec_from_file_location(f"bench_{folder}_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise BenchError(f"{path.name} is not a module")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += getattr(module, variable)
    names = [item.name for item in found]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise BenchError(f"two {folder} have the name {', '.join(sorted(doubled))}")
    return found


def all_cases() -> list[Case]:
    """Every case, in the order of the tables."""
    return sorted(_collect("cases", "CASES"), key=lambda case: (case.order, case.name))


def all_servers() -> list[Server]:
    """Every server adapter, the floor and Pinion first."""
    found: list[Server] = _collect("servers", "SERVERS")
    place = {name: number for number, name in enumerate(SERVER_ORDER)}
    return sorted(found, key=lambda server: place.get(server.name, len(place)))


def select(items: list[Named], wanted: str, what: str) -> list[Named]:
    """The items whose names the comma-separated list has; "all" or "" means every one."""
    if wanted in ("", "all"):
        return items
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    _check_names(names, [item.name for item in items], what)
    return [item for item in items if item.name in names]


def _check_names(names: Iterable[str], known: list[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise BenchError(f"no {what} '{name}'; there are: {', '.join(known)}")
