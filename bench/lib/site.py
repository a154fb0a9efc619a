"""The temporary directory of a bench run: document root, and one folder a started server."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILES = {"1k.txt": 1 << 10, "10k.txt": 10 << 10, "100k.txt": 100 << 10, "10m.txt": 10 << 20}
FILE_TIME = 1_704_067_200
"""Modification time of all files, so that conditional requests are the same in every run."""
FILE_TIME_HTTP = "Mon, 01 Jan 2024 00:00:00 GMT"
MIME_TYPES = "text/plain txt\ntext/html html\napplication/octet-stream bin\n"


def filler(size: int) -> bytes:
    """Text of `size` bytes in which no two lines are equal."""
    lines: list[bytes] = []
    total = 0
    number = 0
    while total < size:
        line = b"%08d the quick brown fox jumps over the lazy dog\n" % number
        lines.append(line)
        total += len(line)
        number += 1
    return b"".join(lines)[:size]


def write_file(path: Path, data: bytes) -> None:
    """Write a file with the common modification time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (FILE_TIME, FILE_TIME))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Site:
    """Owns the directory; `docroot` is shared by all servers of the run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.docroot = root / "docroot"
        self._folders = 0
        for name, size in FILES.items():
            write_file(self.docroot / name, filler(size))

    def new_folder(self, name: str) -> Path:
        """An empty folder for one started server: configuration, logs, pid file."""
        self._folders += 1
        folder = self.root / f"{self._folders:03d}-{name}"
        folder.mkdir()
        (folder / "mime.types").write_text(MIME_TYPES)
        return folder


@contextmanager
def temporary_site(keep: bool = False) -> Iterator[Site]:
    """A site that is removed at the end, unless `keep`."""
    root = Path(tempfile.mkdtemp(prefix="pinion-bench-"))
    root.chmod(0o755)
    try:
        yield Site(root)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
