"""Restarts and stops as clients and service managers see them: what is cut, what is answered, what is told."""
import os
import re
import signal
import socket
import threading
import time

import pytest

from lib import http1, servers

RESUMING = "resuming normal operations"


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


def restarts_done(site):
    return site.error_log.count(RESUMING)


def graceful(site, number=signal.SIGUSR1):
    """One restart, until the old children have been told to leave."""
    before = restarts_done(site)
    site.signal(number)
    site.wait(lambda: restarts_done(site) > before, "the restart", 20)


class Clients:
    """Threads that ask again and again; each failure is kept. Half of them open a connection for each request."""

    def __init__(self, site, threads=4):
        self.site, self.over, self.failures, self.answers = site, threading.Event(), [], [0] * threads
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def wait_answers(self, count):
        goal = sum(self.answers) + count
        self.site.wait(lambda: sum(self.answers) >= goal or self.failures, "answers", 20)

    def _run(self, number):
        headers = {"Connection": "close"} if number % 2 else None
        conn, last_used = None, 0
        while not self.over.is_set():
            try:
                conn = conn or self.site.connect(timeout_s=15)
                idle_s, last_used = time.monotonic() - last_used, time.monotonic()
                answer = conn.request("GET", "/ten.txt", headers)
            except (OSError, http1.ConnectionEnded, http1.Deadline) as error:
                # A client that the machine held up for longer than the grace of an idle connection finds it closed.
                if not (conn and idle_s > 0.5):
                    self.failures.append(error)
                conn = None
                continue
            if answer.status != 200 or answer.body != b"0123456789":
                self.failures.append(answer)
            self.answers[number] += 1
            last_used = time.monotonic()
            if answer.says_close:
                conn.close()
                conn = None
        if conn:
            conn.close()


@pytest.mark.parametrize("model", ["mpm_event", "mpm_worker", "mpm_prefork"])
def test_graceful_restarts_fail_no_request(ten, model):
    """Good configurations and a broken one in turn: no client notices, the broken one changes nothing."""
    ten.module_names[ten.module_names.index("mpm_event")] = model
    ten.conf("StartServers 2\nMinSpareServers 1").start()
    good = ten.server.conf.read_text()
    with Clients(ten) as clients:
        for n in range(4):
            clients.wait_answers(40)
            if n == 2:
                ten.server.conf.write_text(good + "NoSuchDirective On\n")
                ten.signal(signal.SIGUSR1)
                ten.wait_log("the server goes on with the one it has")
                ten.server.conf.write_text(good)
            else:
                graceful(ten)
        clients.wait_answers(40)
    assert not clients.failures, clients.failures[:3]


def test_refused_by_the_check_of_k_graceful(ten):
    """-k graceful looks itself: its exit code tells, and the server is not even asked."""
    ten.start()
    good = ten.server.conf.read_text()
    ten.server.conf.write_text(good + "NoSuchDirective On\n")
    before = ten.children
    assert ten.run("-k", "graceful").returncode == 1
    ten.server.conf.write_text(good)
    assert ten.children == before and "SIGUSR1" not in ten.error_log


def test_idle_connection_gets_one_more_answer(ten):
    ten.conf("KeepAliveTimeout 30").start()
    with ten.connect() as conn:
        assert not conn.request("GET", "/ten.txt").says_close
        graceful(ten)
        answer = conn.request("GET", "/ten.txt")
        assert answer.status == 200 and answer.says_close


def test_idle_connection_does_not_hold_an_old_child(ten):
    ten.conf("KeepAliveTimeout 30").start()
    with ten.connect() as conn:
        conn.request("GET", "/ten.txt")
        old = ten.children
        graceful(ten)
        ten.wait(lambda: not any(map(servers.process_alive, old)), "the old children to end")


def stuck_download(site):
    """A client that does not read: its request is at work until somebody ends it."""
    conn = site.connect()
    conn.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert conn.wait_bytes(1)
    return conn


def test_graceful_stop_is_limited(ten):
    """GracefulShutdownTimeout ends what a client that does not read would hold up for ever."""
    ten.file("big.bin", bytes(32 * 1024 * 1024)).conf("GracefulShutdownTimeout 1").start()
    with stuck_download(ten):
        assert ten.run("-k", "graceful-stop").returncode == 0
        assert ten.server.process.wait(10) == 0
    assert not ten.server.pid_file.exists()


def test_stop_ends_a_graceful_stop(ten):
    ten.file("big.bin", bytes(32 * 1024 * 1024)).start()
    with stuck_download(ten):
        ten.signal(signal.SIGWINCH)
        ten.wait_log("shutting down gracefully")
        assert ten.server.process.poll() is None
        ten.signal(signal.SIGTERM)
        assert ten.server.process.wait(10) == 0


def test_interrupt_stops(ten):
    ten.start()
    ten.signal(signal.SIGINT)
    assert ten.server.process.wait(10) == 0


def test_restart_in_a_hurry_cuts(ten):
    """SIGHUP does not wait for downloads."""
    ten.file("big.bin", bytes(32 * 1024 * 1024)).start()
    with stuck_download(ten):
        old = ten.children
        graceful(ten, signal.SIGHUP)
        ten.wait(lambda: not any(map(servers.process_alive, old)), "the old children to end")
    assert ten.get("/ten.txt").status == 200


def test_restarts_on_top_of_each_other(ten):
    """Signals faster than children can begin: the last configuration is served, nobody is left over."""
    ten.start()
    for _ in range(10):
        ten.signal(signal.SIGUSR1)
    with open(ten.server.conf, "a") as conf:
        conf.write("Redirect /new http://elsewhere.test/\n")
    ten.signal(signal.SIGUSR1)
    ten.wait(lambda: ten.get("/new").status == 302, "the last configuration")
    count = len(os.sched_getaffinity(0))
    ten.wait(lambda: len(ten.children) == count, "the old children to end")


def test_listen_lines_come_and_go(ten):
    other = servers.free_port()
    ten.start()
    good = ten.server.conf.read_text()
    ten.server.conf.write_text(good + f"Listen 127.0.0.1:{other}\n")
    graceful(ten)
    with ten.connect(port=other) as conn:
        assert conn.request("GET", "/ten.txt").status == 200
    ten.server.conf.write_text(good)
    graceful(ten)

    def refused():
        try:
            ten.connect(port=other, timeout_s=1).close()
        except ConnectionRefusedError:
            return True
        return False

    ten.wait(refused, "the port to be closed")


def test_port_that_is_taken_refuses_the_new_configuration(ten):
    ten.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with open(ten.server.conf, "a") as conf:
            conf.write(f"Listen 127.0.0.1:{taken.getsockname()[1]}\n")
        ten.signal(signal.SIGUSR1)
        ten.wait_log("the new configuration is not used")
    assert ten.get("/ten.txt").status == 200


def test_notices_are_told_whatever_the_level(ten):
    """Apache's LogLevel: where the log is a file, notices cannot be switched off."""
    ten.conf("LogLevel crit").start()
    graceful(ten)
    ten.stop()
    log = ten.error_log
    assert log.count(RESUMING) == 2 and "AH00094: Command line" in log
    assert "AH00493" in log and "caught SIGTERM, shutting down" in log


# --- the service manager ---

class Manager:
    """The socket that NOTIFY_SOCKET names, and what was sent to it."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(15)

    def wait(self, pattern):
        """The first message from now on that matches."""
        while True:
            text = self.socket.recv(4096).decode()
            if re.search(pattern, text, re.MULTILINE):
                return text


@pytest.fixture
def manager(site):
    one = Manager(site.dir)
    yield one
    one.socket.close()


def test_manager_is_told_of_start_reload_and_stop(ten, manager):
    ten.start(environment={"NOTIFY_SOCKET": manager.path})
    manager.wait("^READY=1$")
    begun_usec = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    ten.signal(signal.SIGUSR1)
    told = manager.wait("^RELOADING=1$")
    stamp = int(re.search(r"^MONOTONIC_USEC=(\d+)$", told, re.MULTILINE)[1])
    assert begun_usec <= stamp <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    assert "STATUS=" in manager.wait("^READY=1$")
    ten.signal(signal.SIGTERM)
    manager.wait("^STOPPING=1$")


def test_manager_is_told_of_a_refused_reload(ten, manager):
    ten.start(environment={"NOTIFY_SOCKET": manager.path})
    manager.wait("^READY=1$")
    with open(ten.server.conf, "a") as conf:
        conf.write("NoSuchDirective On\n")
    ten.signal(signal.SIGUSR1)
    manager.wait("^RELOADING=1$")
    assert "error" in manager.wait("^READY=1$")


def test_watchdog_is_fed(ten, manager):
    """Several times, from a master that sleeps otherwise; and no more when it is stopped."""
    ten.start(environment={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"})
    for _ in range(3):
        manager.wait("^WATCHDOG=1$")
    os.kill(ten.master, signal.SIGSTOP)
    try:
        manager.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(20):  # what was under way
                manager.wait("^WATCHDOG=1$")
    finally:
        os.kill(ten.master, signal.SIGCONT)
