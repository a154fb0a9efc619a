"""How the programs of the harness fail and end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable


class BenchError(Exception):
    """A run that must not count: wrong answer, socket errors, a server that does not start."""


def guarded(program: str, body: Callable[[], int]) -> int:
    """Run a program's body; its exit status. SIGTERM and an interrupt unwind it, so that servers
    are stopped and the temporary directory is removed."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    try:
        return body()
    except BenchError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
