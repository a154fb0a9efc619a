"""What must be known of a machine to read its numbers; nothing that names it."""

from __future__ import annotations

import datetime
import gzip
import os
import platform
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from .model import Settings
from .server import Server, find_program, first_output_line


@dataclass(frozen=True)
class Facts:
    """The caption of a table."""

    cpu: str
    cores: int
    kernel: str
    system: str
    soft_interrupts: str
    """Whether a process's CPU time includes the soft interrupts that ran on top of it."""
    date: str
    load: str
    rounds: int
    seconds: int
    connections: int
    versions: list[str]

    def as_dict(self) -> dict[str, object]:
        """For the raw results."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        cores = "core" if self.cores == 1 else "cores"
        return [
            f"{self.cpu}, {self.cores} {cores}, {self.kernel}, {self.system}; {self.date}, "
            f"load average {self.load} at the start",
            f"soft interrupts in the CPU time of processes: {self.soft_interrupts}",
            f"{self.rounds} rounds of {self.seconds} s, {self.connections} connections, "
            "servers in turn, medians",
            ", ".join(self.versions),
        ]


def _cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1).strip() if match else platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _kernel() -> str:
    """Version numbers only: the rest of the string may tell whose machine it is."""
    match = re.match(r"[\d.]+\d", platform.release())
    return f"{platform.system()} {match.group(0) if match else '?'}"


def _kernel_config() -> str:
    """The kernel's build configuration, or nothing where it is not to be read."""
    try:
        if Path("/proc/config.gz").exists():
            return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
        return Path(f"/boot/config-{platform.release()}").read_text()
    except OSError:
        return ""


def _soft_interrupts() -> str:
    config = _kernel_config()
    if not config:
        return "unknown"
    return "no" if "CONFIG_IRQ_TIME_ACCOUNTING=y" in config else "yes"


def _wrk_version() -> list[str]:
    if find_program("wrk") is None:
        return []
    match = re.search(r"wrk\s+(?:debian/)?([\d.]+\d)", first_output_line("wrk", "-v"))
    return [f"wrk {match.group(1)}"] if match else []


def gather(servers: list[Server], settings: Settings, rounds: int) -> Facts:
    """The facts of this machine, these servers and this run."""
    versions = {server.version(): None for server in servers}
    return Facts(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        kernel=_kernel(),
        system=_system(),
        soft_interrupts=_soft_interrupts(),
        date=datetime.date.today().isoformat(),
        load=f"{os.getloadavg()[0]:.1f}",
        rounds=rounds,
        seconds=settings.seconds,
        connections=settings.connections,
        versions=[version for version in versions if version] + _wrk_version(),
    )
