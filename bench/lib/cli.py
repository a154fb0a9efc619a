"""The command line of bench/run."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from . import chart, facts, packages, report
from .errors import BenchError, guarded
from .idle import raise_descriptor_limit
from .model import Case, Settings
from .registry import BENCH, all_cases, all_servers, select
from .results import Table
from .runner import run_case, say
from .server import Server
from .site import temporary_site

RESULTS = BENCH / "results"


def _parser() -> argparse.ArgumentParser:
    """Defaults come from the environment, so that `make bench CASES=1k SERVERS=pinion` works."""
    env = os.environ
    parser = argparse.ArgumentParser(prog="bench/run", description="Measure web servers.")
    parser.add_argument("--case", default=env.get("CASES", "all"), help="names, comma-separated")
    parser.add_argument("--server", default=env.get("SERVERS", "all"), help="names")
    parser.add_argument("--rounds", type=int, default=int(env.get("ROUNDS", "3")))
    parser.add_argument("--seconds", type=int, default=int(env.get("DURATION", "3")))
    parser.add_argument("--connections", type=int, default=int(env.get("CONNECTIONS", "64")))
    parser.add_argument("--name", help="name of the result files (default: from the cases)")
    parser.add_argument("--no-save", action="store_true", help="print the tables, write no file")
    parser.add_argument("--keep", action="store_true", help="keep the temporary directory")
    parser.add_argument("--list", action="store_true", help="print the cases and servers")
    return parser


def _print_list(cases: list[Case], servers: list[Server]) -> None:
    print("cases:")
    for case in cases:
        print(f"  {case.name:<16} {case.title}")
    print("servers:")
    for server in servers:
        print(f"  {server.name:<16} {server.title:<24} {server.missing() or ''}".rstrip())


def present(servers: list[Server]) -> list[Server]:
    """The servers that can run here; says which cannot."""
    found = []
    for server in servers:
        reason = server.missing()
        if reason is None:
            found.append(server)
        else:
            say(f"SKIPPED {server.title}: {reason}")
    return found


def _check_packages() -> None:
    absent = packages.missing()
    if absent:
        say(f"missing Debian packages: apt-get install {' '.join(absent)}")


def _set_name(cases: list[Case], everything: bool) -> str:
    return "all" if everything else "+".join(case.name for case in cases)


def _save(tables: list[Table], about: facts.Facts, name: str) -> None:
    picture = None
    if chart.available():
        picture = f"{name}.svg"
        RESULTS.mkdir(parents=True, exist_ok=True)
        chart.draw(tables, RESULTS / picture)
    else:
        say("no chart: Debian package python3-matplotlib is missing")
    report.write(RESULTS / f"{name}.md", report.markdown(tables, about, picture))
    report.write(RESULTS / "raw" / f"{name}.json", report.raw(tables, about))
    say(f"written: {_shown(RESULTS)}/{name}.md" + (f", {picture}" if picture else ""))


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _measure(args: argparse.Namespace) -> int:
    every_case = all_cases()
    cases = select(every_case, args.case, "case")
    servers = select(all_servers(), args.server, "server")
    if args.list:
        _print_list(cases, servers)
        return 0
    _check_packages()
    servers = present(servers)
    if not servers:
        raise BenchError("no server to measure")
    raise_descriptor_limit()
    settings = Settings(seconds=args.seconds, connections=args.connections)
    about = facts.gather(servers, settings, args.rounds)
    with temporary_site(args.keep) as site:
        tables = [run_case(case, servers, settings, args.rounds, site) for case in cases]
    print(report.terminal(tables, about))
    if not args.no_save:
        _save(tables, about, args.name or _set_name(cases, len(cases) == len(every_case)))
    return 1 if any(row.error for table in tables for row in table.rows) else 0


def main() -> int:
    """Exit status: 0, 1 when a run failed, 2 when nothing could be run."""
    args = _parser().parse_args()
    if min(args.rounds, args.seconds, args.connections) < 1:
        say("--rounds, --seconds and --connections are at least 1")
        return 2
    return guarded("bench/run", lambda: _measure(args))
