"""What goes wrong around a server: killed processes, used-up descriptors, full disks, crashes, clocks that jump."""
import email.utils
import os
import random
import re
import signal
import struct
import time

import pytest

from lib import http1, servers, shims

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ANSWER = b"0123456789"


@pytest.fixture
def ten(site):
    return site.file("ten.txt", ANSWER)


def ask(site, timeout_s=10):
    with site.connect(timeout_s=timeout_s) as conn:
        return conn.request("GET", "/ten.txt").body


# --- killed ---

def held_connections(site, count):
    """Open connections, each with the pid of the child that serves it, which the access log tells."""
    conns = {}
    for n in range(count):
        conn = site.connect(timeout_s=10)
        assert conn.request("GET", f"/ten.txt?conn{n}").status == 200
        conns[n] = conn
    pids = {}

    def known():
        for line in site.access_log:
            found = re.match(r"(\d+) /ten.txt\?conn(\d+)$", line)
            if found:
                pids[int(found[2])] = int(found[1])
        return len(pids) == count

    site.wait(known, "the log lines")
    return [(conns[n], pids[n]) for n in range(count)]


def test_killed_child_takes_its_own_connections_alone(ten):
    """Those of its siblings go on; each answered request is in the log; the place is filled again."""
    ten.conf("KeepAliveTimeout 60\nStartServers 3\nLogFormat \"%P %U%q\" pids\nCustomLog {run}/access.log pids")
    ten.lines.insert(0, "")
    ten.start()
    held = held_connections(ten, 18)
    for _ in range(3):
        before = ten.children
        victim = random.choice([pid for pid in before if any(owner == pid for _, owner in held)] or before)
        os.kill(victim, signal.SIGKILL)
        for conn, owner in held:
            if owner != victim:
                assert conn.request("GET", "/ten.txt").body == ANSWER
        for conn, owner in held:
            if owner == victim:
                conn.close()
        held = [(conn, owner) for conn, owner in held if owner != victim]
        ten.wait(lambda: victim not in ten.children and len(ten.children) == 3, "another child")
        assert ask(ten) == ANSWER
    for conn, _ in held:
        conn.close()
    assert ten.error_log.count("exit signal Killed") == 3


def test_killed_master_leaves_nobody(ten):
    """Its children end by themselves, and another server has the port at once."""
    ten.start()
    conn = ten.connect()
    conn.request("GET", "/ten.txt")
    old, children = ten.server.process, ten.children
    os.kill(old.pid, signal.SIGKILL)
    old.wait()
    ten.server.pid_file.write_text("")  # so that the start below is seen by its number
    ten.start()
    assert ask(ten) == ANSWER
    ten.wait(lambda: not any(map(servers.process_alive, children)), "the children to end")
    conn.close()


def test_stopped_child_holds_nobody_up(ten):
    """The others accept what it leaves, and it serves again when it goes on."""
    ten.conf("StartServers 2").start()
    victim = ten.children[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        for _ in range(8):
            assert ask(ten) == ANSWER
    finally:
        os.kill(victim, signal.SIGCONT)
    assert ask(ten) == ANSWER


# --- nothing left ---

def behind(site, line):
    """Lets the server be started by a shell that runs a line before."""
    wrapper = site.dir / "behind.sh"
    wrapper.write_text(f'#!/bin/sh\n{line}\nexec "{site.binary}" "$@"\n')
    wrapper.chmod(0o755)
    site.server.binary = wrapper


def test_descriptors_run_out(ten):
    """Accepting pauses and says so at most once a second; with descriptors it goes on by itself."""
    behind(ten, "ulimit -n 64")
    ten.conf("StartServers 1\nKeepAliveTimeout 60").start()
    assert ask(ten) == ANSWER  # the file is open already
    begun = time.monotonic()
    conns = [ten.connect(timeout_s=10) for _ in range(70)]
    for conn in conns:
        conn.send(b"GET /ten.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    ten.wait_log(r"PN20111.*\(0 times more")
    ten.wait_log(r"PN20111.*\([1-9]\d* times more")
    assert ten.error_log.count("PN20111") <= time.monotonic() - begun + 1
    for conn in conns[:60]:
        conn.close()
    assert [conn.response().status for conn in conns[60:]] == [200] * 10
    for conn in conns[60:]:
        conn.close()
    assert ask(ten) == ANSWER


def test_access_log_on_a_full_disk(ten):
    ten.conf("CustomLog /dev/full common").start()
    for _ in range(3):
        assert ask(ten) == ANSWER
    ten.wait_log(r"/dev/full")
    assert "No space left" in ten.error_log


def test_error_log_on_a_full_disk(ten):
    ten.conf("ErrorLog /dev/full\nLogLevel debug").start()
    for _ in range(3):
        assert ask(ten) == ANSWER
    assert ten.get("/missing").status == 404


IN_SMALL_SPACE = """\
if [ -z "$IN_SMALL_SPACE" ]; then IN_SMALL_SPACE=1 exec unshare -m "$0" "$@"; fi
mount -t tmpfs -o size=64k,mode=755 tmpfs "{space}" || exit 1
"""


@root_only
def test_disk_fills_and_is_emptied(ten):
    """Lines wait while there is no room for them, and are all written when there is."""
    space = ten.dir / "space"
    space.mkdir()
    behind(ten, IN_SMALL_SPACE.format(space=space))
    ten.conf(f"CustomLog {space}/access.log \"%U%q\"\nStartServers 1")
    try:
        ten.start()
    except RuntimeError as error:
        if "unshare" in str(error) or "mount" in str(error):
            pytest.skip("no file system can be mounted here")
        raise
    inside = f"/proc/{ten.master}/root{space}"
    with open(f"{inside}/filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    with ten.connect(timeout_s=10) as conn:
        for n in range(200):
            assert conn.request("GET", f"/ten.txt?{'x' * 60}{n}").status == 200
    ten.wait_log("No space left")
    os.unlink(f"{inside}/filler")
    ask(ten)

    def complete():
        lines = open(f"{inside}/access.log").read().splitlines()
        return {f"/ten.txt?{'x' * 60}{n}" for n in range(200)} <= set(lines)

    ten.wait(complete, "the lines that waited")


def test_no_process_can_be_made(ten):
    """A killed child can't be replaced for a while: the other serves, the log tells, and later there are two again."""
    shim, fails = shims.build("fork_fails", ten.dir), ten.dir / "fork-fails"
    ten.conf("StartServers 2")
    ten.start(environment={"LD_PRELOAD": str(shim), "FORK_FAILS": str(fails)})
    fails.touch()
    os.kill(ten.children[0], signal.SIGKILL)
    ten.wait_log("AH00481")
    for _ in range(5):
        assert ask(ten) == ANSWER
    ten.wait(lambda: ten.error_log.count("AH00481") >= 2, "another try")
    assert ten.error_log.count("AH00481") < 20  # a pause that grows, no storm
    fails.unlink()
    ten.wait(lambda: len(ten.children) == 2, "a second child")
    assert ask(ten) == ANSWER


def test_no_process_for_a_restart(ten):
    """The old children serve on until there can be new ones."""
    shim, fails = shims.build("fork_fails", ten.dir), ten.dir / "fork-fails"
    ten.conf("StartServers 2")
    ten.start(environment={"LD_PRELOAD": str(shim), "FORK_FAILS": str(fails)})
    old = set(ten.children)
    fails.touch()
    ten.signal(signal.SIGUSR1)
    ten.wait_log("AH00481")
    for _ in range(5):
        assert ask(ten) == ANSWER
    assert set(ten.children) == old
    fails.unlink()
    ten.wait(lambda: len(ten.children) == 2 and not old & set(ten.children), "new children", 20)
    assert ask(ten) == ANSWER


# --- crashes ---

@pytest.fixture
def crashing(ten):
    if shims.is_sanitized(ten.binary):
        pytest.skip("AddressSanitizer reports crashes itself")
    module = shims.build("mod_crash", ten.dir)
    ten.dir.joinpath("cores").mkdir()
    ten.dir.joinpath("cores").chmod(0o777)
    return ten.conf(f'LoadModule crash_module "{module}"\n<Location "/crash">\nSetHandler crash\n</Location>\n'
                    f"StartServers 2\nCoreDumpDirectory {ten.dir}/cores")


def crash(site):
    with site.connect() as conn:
        conn.send(b"GET /crash HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises((http1.ConnectionEnded, OSError)):
            conn.response()


def test_crash_costs_one_connection(crashing):
    """The log tells the signal and the stack; another child takes the place; with EnableExceptionHook modules are asked."""
    crashing.conf("EnableExceptionHook On").start()
    crash(crashing)
    crashing.wait_log(r"AH0005[12].*Segmentation fault")
    log = crashing.error_log
    assert "crashed with signal 11; its stack:" in log and "mod_crash" in log
    assert "the hook saw it" in crashing.server.stderr + log
    assert ask(crashing) == ANSWER
    crashing.wait(lambda: len(crashing.children) == 2, "another child")


def test_exception_hook_is_off_by_default(crashing):
    crashing.start()
    crash(crashing)
    crashing.wait_log("exit signal Segmentation fault")
    assert "the hook saw it" not in crashing.server.stderr + crashing.error_log


def test_core_is_left_where_it_is_wanted(crashing):
    pattern = open("/proc/sys/kernel/core_pattern").read().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip("this system writes cores elsewhere")
    behind(crashing, "ulimit -c unlimited")
    crashing.start()
    crash(crashing)
    found = crashing.wait_log(r"AH0005[12][^\n]*Segmentation fault[^\n]*")
    if "possible coredump" not in found[0]:
        pytest.skip("this system writes no cores")
    assert list((crashing.dir / "cores").iterdir())


# --- the clock ---

class WallClock:
    """The number of seconds that a server's clock on the wall is off."""

    def __init__(self, directory):
        self.path = directory / "clock"
        self.set(0)

    def set(self, off_s):
        if not self.path.exists():
            self.path.write_bytes(bytes(8))
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", off_s))


@pytest.mark.parametrize("off_s", [86400 * 400, -86400 * 400], ids=["forwards", "backwards"])
def test_clock_jumps(ten, off_s):
    """Date follows, and no time limit: an idle connection stays open over the jump, and is closed in time after it."""
    clock, shim = WallClock(ten.dir), shims.build("wall_clock", ten.dir)
    ten.conf("KeepAliveTimeout 2\nStartServers 1")
    ten.start(environment={"LD_PRELOAD": str(shim), "WALL_CLOCK": str(clock.path)})

    def seconds_off(answer):
        return email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()

    with ten.connect(timeout_s=10) as conn:
        assert abs(seconds_off(conn.request("GET", "/ten.txt"))) < 60
        clock.set(off_s)
        assert abs(seconds_off(conn.request("GET", "/ten.txt")) - off_s) < 60
        assert ten.get("/ten.txt", {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}).status in (200, 304)
        with pytest.raises(http1.ConnectionEnded):
            conn.response(timeout_s=10)
    assert ask(ten) == ANSWER
