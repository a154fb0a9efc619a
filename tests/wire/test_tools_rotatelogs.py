"""rotatelogs, beside Apache's program where that does the same."""
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lib import servers, tools

LINE = b"line %04d 0123456789012345\n"       # 26 bytes
AGES_S = 1000000000                         # an interval that lasts from 2001 to 2033


@pytest.fixture
def ours():
    return tools.path_of("rotatelogs")


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class Fed:
    """A rotatelogs that gets its input bit by bit."""

    def __init__(self, program, folder, *arguments, environment=None):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.process = subprocess.Popen([program, *(str(a) for a in arguments)], cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(environment or {})})

    def put(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()
        return self

    def put_and_wait(self, data):
        """Until a file ends in it."""
        self.put(data)
        self.wait(lambda: any(content.endswith(data) for content in files(self.folder).values()), "the line")
        return self

    def wait(self, condition, what):
        return servers.wait_for(condition, 20, what)

    def end(self, code=0):
        """Standard output and standard error."""
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == code, err
        assert not servers.SANITIZER_REPORT.search(err.decode("utf-8", "replace")), err
        return out, err.decode()


def fed(program, folder, *arguments, lines=10, **more):
    one = Fed(program, folder, *arguments, **more)
    for n in range(lines):
        one.put_and_wait(LINE % n)
    one.end()
    return files(folder)


# --- beside Apache's ---

@pytest.mark.parametrize("arguments", [["-n", "3", "log", "100B"], ["-n", "2", "-T", "log", "60B"], ["-t", "log", "100B"],
                                       ["-n", "1", "log", "100B"], ["log", AGES_S], ["log", AGES_S, "-90"],
                                       ["-l", "log.%Y-%m-%d_%H.%M.%S_%Z", AGES_S], ["log.%Y.%j", AGES_S, "60"],
                                       ["-D", "a/b/%Y/log", AGES_S], ["log.%Y", AGES_S, "1M", "60"]],
                         ids=lambda arguments: " ".join(map(str, arguments)))
def test_the_same_files_as_apaches(ours, tmp_path, arguments):
    theirs = tools.apache_path_of("rotatelogs")
    zone = {"TZ": "EST5"}
    # Where a directory of its own is made the line cannot be waited for in one folder: all at once, then.
    results = []
    for program, name in ((ours, "ours"), (theirs, "theirs")):
        folder = tmp_path / name
        if "-D" in arguments:
            Fed(program, folder, *arguments, environment=zone).put(b"a\nb\n").end()
            results.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
        else:
            results.append(fed(program, folder, *arguments, lines=9, environment=zone))
    assert results[0] and results[0] == results[1]


# --- names and time ---

def test_name_is_the_beginning_of_the_interval(ours, tmp_path):
    before = int(time.time())
    names = list(fed(ours, tmp_path / "logs", "log", 3600, "90", lines=1))
    after = int(time.time())
    assert names[0] in {f"log.{(now + 5400) // 3600 * 3600}" for now in (before, after)}


def test_interval_passes(ours, tmp_path):
    one = Fed(ours, tmp_path, "log", 1).put_and_wait(b"first\n")
    name = next(iter(files(tmp_path)))
    one.wait(lambda: time.time() >= int(name.split(".")[1]) + 1, "the next second")
    one.put(b"second\n").end()
    assert list(files(tmp_path).values()) == [b"first\n", b"second\n"]


def test_interval_passes_within_a_line(ours, tmp_path):
    one = Fed(ours, tmp_path, "log", 1).put_and_wait(b"first\nsec")
    name = next(iter(files(tmp_path)))
    one.wait(lambda: time.time() >= int(name.split(".")[1]) + 1, "the next second")
    one.put(b"ond\nthird\nfou").end()
    assert list(files(tmp_path).values()) == [b"first\nsecond\n", b"third\nfou"]


def test_even_empty_files(ours, tmp_path):
    one = Fed(ours, tmp_path, "-c", "log", 1)
    one.wait(lambda: len(files(tmp_path)) >= 2, "a second file")
    one.end()
    assert set(files(tmp_path).values()) == {b""}


def test_opens_at_once(ours, tmp_path):
    one = Fed(ours, tmp_path, "-f", "log", AGES_S)
    one.wait(lambda: files(tmp_path) == {f"log.{AGES_S}": b""}, "the file")
    one.end()


def test_no_file_without_lines(ours, tmp_path):
    Fed(ours, tmp_path / "logs", "log", AGES_S).end()
    assert files(tmp_path / "logs") == {}


# --- sizes ---

def test_files_end_with_a_line(ours, tmp_path):
    text = b"".join(b"%d %s\n" % (n, b"x" * (n % 50)) for n in range(4000))
    Fed(ours, tmp_path, "-n", 1000, "log", "1K").put(text).end()
    found = files(tmp_path)
    assert all(content.endswith(b"\n") and len(content) <= 1024 + 60 for content in found.values())
    in_order = sorted(found, key=lambda name: int((name.split(".") + ["0"])[1]))
    assert b"".join(found[name] for name in in_order) == text


def test_line_without_end_is_rotated_too(ours, tmp_path):
    Fed(ours, tmp_path, "-n", 50, "log", "64K").put(b"x" * 1000000).end()
    assert len(files(tmp_path)) > 5
    assert sum(len(content) for content in files(tmp_path).values()) == 1000000


def test_truncation_spares_the_first_file(ours, tmp_path):
    (tmp_path / "log").write_bytes(b"old\n")
    (tmp_path / "log.1").write_bytes(b"old\n")
    fed(ours, tmp_path, "-n", 2, "log", "20B", lines=2)
    assert files(tmp_path) == {"log": b"old\n" + LINE % 0, "log.1": LINE % 1}


def test_same_name_again_loses_nothing(ours, tmp_path):
    found = fed(ours, tmp_path, "-T", "log.%Y", "20B", lines=5)
    assert list(found.values()) == [b"".join(LINE % n for n in range(5))]


# --- what goes with a file ---

def test_link_and_program(ours, tmp_path):
    script = tmp_path / "tell"
    script.write_text('#!/bin/sh\ncat\necho "$@" >> told\n')
    script.chmod(0o755)
    logs = tmp_path / "logs"
    one = Fed(ours, logs, "-n", 3, "-L", "now", "-p", script, "log", "20B")
    for n in range(3):
        one.put_and_wait(LINE % n)
        one.wait(lambda: os.path.samefile(logs / "now", logs / ("log" + (f".{n}" if n else ""))), "the link")
        one.wait(lambda: (logs / "told").exists() and (logs / "told").read_text().count("\n") == n + 1, "the program")
    one.end()
    assert (logs / "told").read_text() == "log\nlog.1 log\nlog.2 log.1\n"
    assert sorted(os.listdir(logs)) == ["log", "log.1", "log.2", "now", "told"]


def test_echo_and_verbose(ours, tmp_path):
    one = Fed(ours, tmp_path, "-e", "-v", "log", AGES_S)
    out, err = one.put(b"a\nb\n").end()
    assert out == b"a\nb\n"
    assert f"writing to log.{AGES_S}" in err


# --- when something is wrong ---

def test_first_file_that_cannot_be_opened(ours, tmp_path):
    result = tools.run(ours, "-f", "nothing/log", 3600, folder=tmp_path)
    assert result.returncode == 2
    assert "nothing/log." in result.stderr


def test_next_file_that_cannot_be_opened(ours, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "log.1").mkdir()
    one = Fed(ours, logs, "-n", 2, "log", "20B")
    for n in range(3):
        one.put_and_wait(LINE % n)
    _, err = one.end()
    assert err.count("log.1") == 1 and "going on with log" in err
    assert files(logs) == {"log": b"".join(LINE % n for n in range(3))}


def test_full_disk_ends_nothing(ours, tmp_path):
    os.symlink("/dev/full", tmp_path / "log.1")
    one = Fed(ours, tmp_path, "-n", 3, "log", "20B").put_and_wait(LINE % 0)
    one.put(LINE % 1).put(LINE % 2)
    _, err = one.end()
    assert "No space left" in err
    assert (tmp_path / "log").read_bytes() == LINE % 0


def test_what_was_lost_is_told(ours, tmp_path):
    one = Fed(ours, tmp_path, "-e", "log", AGES_S).put_and_wait(b"first\n")
    resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    one.put(b"second line\n")
    assert one.process.stdout.read(18) == b"first\nsecond line\n"      # the copy comes when all has been dealt with
    resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _, err = one.put(b"third\n").end()
    assert files(tmp_path) == {f"log.{AGES_S}": b"first\nseco\nthird\n"}
    assert "8 bytes were lost" in err


def test_told_to_end_it_takes_what_waits(ours, tmp_path):
    one = Fed(ours, tmp_path, "log", AGES_S).put_and_wait(b"first\n")
    os.kill(one.process.pid, signal.SIGSTOP)
    stat = Path(f"/proc/{one.process.pid}/stat")
    one.wait(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it to stand still")
    one.put(b"x\n" * 20000)
    os.kill(one.process.pid, signal.SIGTERM)
    os.kill(one.process.pid, signal.SIGCONT)
    assert one.process.wait(20) == 0            # its input is still open
    one.end()
    assert files(tmp_path) == {f"log.{AGES_S}": b"first\n" + b"x\n" * 20000}


@pytest.mark.parametrize("arguments", [[], ["log"], ["log", "0"], ["log", "0B"], ["log", "5x"], ["log", "-5"], ["log", "B"],
                                       ["log", "1.5M"], ["log", "5", "x"], ["log", "5", "6", "7"], ["log", "5", "6K", "7", "8"],
                                       ["-n", "0", "log", "5"], ["-n", "x", "log", "5"], ["-n", "2", "log.%Y", "5"], ["-Z"],
                                       ["log", "99999999999G"], ["log", "99999999999999999999"]])
def test_wrong_arguments(ours, tmp_path, arguments):
    result = tools.run(ours, *arguments, folder=tmp_path)
    assert result.returncode == 1
    assert "Usage: rotatelogs" in result.stderr
    assert files(tmp_path) == {}


def test_help(ours):
    result = tools.run(ours, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert all(f"\n  -{letter} " in result.stdout for letter in "lLpfDtTnecv")


# --- for the server ---

def test_log_of_a_server(ours, site):
    site.file("ten.txt", b"0123456789").conf(f'CustomLog "|{ours} -f {{run}}/rotated {AGES_S}" "%U"').start()
    site.get("/ten.txt")
    log = site.run_dir / f"rotated.{AGES_S}"
    site.wait(lambda: log.exists() and log.read_text() == "/ten.txt\n", "the line")
    assert not re.search("rotatelogs", site.error_log)
