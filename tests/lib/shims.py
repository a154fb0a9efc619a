"""Small C sources of tests/shims, compiled when a test asks: libraries to preload, and modules that misbehave."""
import functools
import shutil
import subprocess
from pathlib import Path

import pytest

from lib import servers

SOURCES = servers.REPO / "tests" / "shims"


def build(name, directory):
    """Compiles shims/NAME.c into `directory`; the path of the shared object."""
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    flags = subprocess.run(["pkg-config", "--cflags", "apr-1"], capture_output=True, text=True,
                           check=True).stdout.split()
    target = Path(directory) / f"{name}.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-std=gnu17", "-D_GNU_SOURCE", *flags,
                    f"-I{servers.REPO / 'include'}", "-o", str(target), str(SOURCES / f"{name}.c"), "-ldl"],
                   check=True, capture_output=True)
    return target


@functools.cache
def is_sanitized(binary):
    """Whether the program reports crashes itself, by AddressSanitizer."""
    return b"__asan_init" in Path(binary).read_bytes()
