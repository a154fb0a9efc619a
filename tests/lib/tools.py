"""The programs around the server, as the build made them beside the server's program."""
import os
import shutil
import subprocess

import pytest

from lib import servers


def path_of(name):
    """The program of that name; the test is skipped while it has not been built."""
    binary = servers.pinion_binary()
    path = binary.parent / "src/cmd" / name if binary else None
    if path is None or not path.exists():
        pytest.skip(f"{name} is not built")
    return str(path)


def apache_path_of(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin")
    if path is None:
        pytest.skip(f"Apache's {name} is not installed")
    return path


def run(program, *arguments, given="", folder=None, environment=None):
    """Runs a program to its end, without a terminal: what it would ask for there it reads from `given`."""
    result = subprocess.run([str(program), *(str(a) for a in arguments)], input=given.encode(), cwd=folder,
                            capture_output=True, timeout=50, start_new_session=True,
                            env={**os.environ, **(environment or {})})
    result.stdout = result.stdout.decode("utf-8", "backslashreplace")
    result.stderr = result.stderr.decode("utf-8", "backslashreplace")
    assert not servers.SANITIZER_REPORT.search(result.stderr), result.stderr
    return result
