"""Processes of a server, their CPU time and their memory, from /proc and the kernel's CPU clocks.

CPU time: each living process has a CPU clock (clock_getcpuclockid(3)): user and system time of all
its threads, ended ones included, in nanoseconds up to the moment of reading. Time of children that
ended inside an interval is not lost: their parent holds it in cutime and cstime of /proc/PID/stat,
in ticks of 10 ms. The sum of both over the tree grows by what the server used.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that are used here."""

    ppid: int
    state: str
    own_ticks: int
    """utime + stime."""
    reaped_ticks: int
    """cutime + cstime: what ended and reaped children used."""
    start_ticks: int
    """With the pid, names a process for good."""

    @property
    def ended(self) -> bool:
        """It only waits for its parent to notice."""
        return self.state == "Z"


def read_stat(pid: int) -> Stat | None:
    """The process's state, or None when it has gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return Stat(
        ppid=int(fields[1]),
        state=fields[0],
        own_ticks=int(fields[11]) + int(fields[12]),
        reaped_ticks=int(fields[13]) + int(fields[14]),
        start_ticks=int(fields[19]),
    )


def family(root: int) -> dict[int, Stat]:
    """The process `root` and all its descendants, those included that ended and wait for their
    parent to notice."""
    stats: dict[int, Stat] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            stat = read_stat(int(entry.name))
            if stat is not None:
                stats[int(entry.name)] = stat
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.ppid, []).append(pid)
    found: dict[int, Stat] = {}
    todo = [root]
    while todo:
        pid = todo.pop()
        if pid in stats:
            found[pid] = stats[pid]
            todo.extend(children.get(pid, []))
    return found


def tree(root: int) -> dict[int, Stat]:
    """The process `root` and all its descendants that are alive."""
    return {pid: stat for pid, stat in family(root).items() if not stat.ended}


def process_cpu_ns(pid: int, stat: Stat) -> int:
    """CPU time of a process: user and system, all threads, and its reaped children's."""
    reaped_ns = stat.reaped_ticks * NS_PER_TICK
    if stat.ended:
        return stat.own_ticks * NS_PER_TICK + reaped_ns
    clock_id = (~pid << 3) | CPUCLOCK_SCHED
    try:
        return time.clock_gettime_ns(clock_id) + reaped_ns
    except OSError:
        return 0


def tree_cpu_ns(root: int) -> int:
    """CPU time that the tree has used, with that of its ended and reaped children."""
    return sum(process_cpu_ns(pid, stat) for pid, stat in family(root).items())


def process_pss_bytes(pid: int) -> int:
    """Proportional set size of one process; 0 when it has gone."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def tree_pss_bytes(root: int) -> int:
    """Proportional set size of all processes of the tree."""
    return sum(process_pss_bytes(pid) for pid in tree(root))
