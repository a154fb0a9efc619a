"""split-logfile and checkgid, beside Apache's programs where those do the same."""
import shutil
import subprocess

import pytest

from lib import servers

APACHE_SPLIT = shutil.which("split-logfile", path="/usr/sbin:/usr/bin")
LOG = (b"WWW.Example one two\nb.example x\n\nnoblank\n/etc/x evil\n  later z\nwww.example\ttab a\n"
       b"..\\up back\nwww.example  blanks\nend no newline")


@pytest.fixture
def programs():
    binary = servers.pinion_binary()
    folder = binary.parent / "src/cmd" if binary else None
    if folder is None or not (folder / "split-logfile").exists():
        pytest.skip("split-logfile is not built")
    return folder


def split(program, log, folder):
    folder.mkdir()
    result = subprocess.run([str(program)], input=log, cwd=folder, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_files_as_apaches(programs, tmp_path):
    if not APACHE_SPLIT:
        pytest.skip("Apache's split-logfile is not installed")
    assert split(programs / "split-logfile", LOG, tmp_path / "ours") == split(APACHE_SPLIT, LOG, tmp_path / "theirs")


def test_no_name_leads_out_of_the_directory(programs, tmp_path):
    log = b"".join(name + b" x\n" for name in (b"../up", b"a/b", b"..", b".hidden", b"a\\b", b"a\0b", b"h" * 300))
    assert split(programs / "split-logfile", log, tmp_path / "logs") == {"access.log": b"x\n" * 7}


def test_more_hosts_than_files(programs, tmp_path):
    log = b"".join(b"host%d line %d\n" % (n % 200, n) for n in range(1000))
    files = split(programs / "split-logfile", log, tmp_path / "logs")
    assert len(files) == 200
    assert files["host7.log"] == b"".join(b"line %d\n" % n for n in range(7, 1000, 200))


@pytest.mark.parametrize("groups, status", [(["root"], 0), (["root", "#5"], 0), (["no-such-group"], 1), (["#x"], 1),
                                            (["#"], 1), (["#99999999999"], 1), (["#4294967295"], 1), ([], 1)])
def test_checkgid(programs, groups, status):
    result = subprocess.run([str(programs / "checkgid"), *groups], capture_output=True, text=True, timeout=60)
    assert result.returncode == status
    assert bool(result.stderr) == bool(status)
