"""Runs the cases: rounds that ask each server in turn, each time freshly started.

One server runs at a time: processes of the same program share pages, and a second one would make
the first one's proportional memory look smaller.
"""

from __future__ import annotations

import sys
import time

from . import probe
from .errors import BenchError
from .model import Case, Run, Sample, Settings
from .results import Row, Table
from .server import Instance, Server, server_messages
from .site import Site

LOG_WAIT_S = 5.0


def say(text: str) -> None:
    """Progress goes to standard error, so that the tables can be piped."""
    print(text, file=sys.stderr, flush=True)


def run_case(
    case: Case, servers: list[Server], settings: Settings, rounds: int, site: Site
) -> Table:
    """All rounds of a case. A server that fails once is out, loudly."""
    table = Table(case)
    case.prepare(site.docroot)
    for server in servers:
        reason = server.skips(case)
        if reason is None:
            table.rows.append(Row(server))
        else:
            table.skipped[server.title] = reason
    for number in range(1, rounds + 1):
        for row in table.rows:
            if row.error is None:
                _run_round(table, row, number, settings, site)
            else:
                row.samples.append(None)
    return table


def _run_round(table: Table, row: Row, number: int, settings: Settings, site: Site) -> None:
    case = table.case
    try:
        sample = _run_once(case, row.server, settings, site)
    except BenchError as error:
        row.error = str(error)
        row.samples.append(None)
        say(f"{case.name:>8} {number} {row.server.title:<24} FAILED: {error}")
        return
    row.samples.append(sample)
    metric = table.headline
    value = f"{sample[metric.key] / metric.scale:12.{metric.digits}f}"
    say(f"{case.name:>8} {number} {row.server.title:<24} {value} {metric.title}")


def _run_once(case: Case, server: Server, settings: Settings, site: Site) -> Sample:
    with server.running(case, settings, site) as instance:
        try:
            answer = probe.ask(case, instance.port)
            probe.check(case, answer, site.docroot)
            case.driver.warm_up(Run(case, settings, instance, answer, site.docroot))
            answer = probe.ask(case, instance.port)
            probe.check(case, answer, site.docroot)
            sample = case.driver.measure(Run(case, settings, instance, answer, site.docroot))
            if not instance.is_alive():
                raise BenchError("the server died during the run")
            if server.writes_access_log:
                _check_access_log(instance, int(sample.get("requests", 0)))
        except BenchError as error:
            messages = server_messages(instance.folder)
            raise BenchError(f"{error}\n{messages}" if messages else str(error)) from error
    (instance.folder / "access.log").unlink(missing_ok=True)
    return sample


def _count_lines(instance: Instance) -> int:
    path = instance.folder / "access.log"
    if not path.exists():
        return 0
    with path.open("rb") as log:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(1 << 20), b""))


def _check_access_log(instance: Instance, requests: int) -> None:
    """Every measured request must be in the log: lighttpd writes its own some seconds later."""
    deadline = time.monotonic() + LOG_WAIT_S
    lines = _count_lines(instance)
    while lines < requests and time.monotonic() < deadline:
        time.sleep(0.25)
        lines = _count_lines(instance)
    if lines < requests:
        raise BenchError(f"{lines} lines in the access log after {requests} requests")
