"""Which of the Debian packages in bench/packages.txt are missing."""

from __future__ import annotations

import shutil
import subprocess

from .registry import BENCH


def wanted() -> list[str]:
    """The packages that the benchmarks use."""
    return (BENCH / "packages.txt").read_text().split()


def missing() -> list[str]:
    """Those that are not installed; empty where there is no dpkg to ask."""
    if shutil.which("dpkg-query") is None:
        return []
    return [name for name in wanted() if not _installed(name)]


def _installed(name: str) -> bool:
    argv = ["dpkg-query", "-W", "-f=${Status}", name]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() == "install ok installed"
