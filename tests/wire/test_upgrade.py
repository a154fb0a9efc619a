"""-k upgrade: another program takes over, with the same sockets, while requests come in."""
import os
import shutil
import signal
import socket
import threading

import pytest

from lib import http1, servers

ANSWER = b"0123456789"


class Upgradable:
    """A site whose program is a copy that can be replaced. Masters after the first are no children of this process."""

    def __init__(self, site):
        self.site = site
        self.program = site.dir / "bin" / "pinion"
        self.program.parent.mkdir()
        shutil.copy(site.binary, self.program)
        site.server.binary = site.binary = self.program
        site.file("ten.txt", ANSWER)
        self.masters = []

    def start(self, **arguments):
        self.site.start(**arguments)
        self.masters.append(self.site.master)
        return self

    def replace(self, text=None):
        """Another file under the program's name: the same program, or a script."""
        new = self.program.with_suffix(".new")
        if text is None:
            shutil.copy(self.program, new)
        else:
            new.write_text(text)
            new.chmod(0o755)
        new.rename(self.program)

    def upgrade(self):
        """Until the new master serves and the earlier one has ended; their numbers."""
        old = self.site.master
        os.kill(old, signal.SIGUSR2)
        failed = self.site.error_log.count("PN20953")
        self.site.wait(lambda: self._number() not in (None, old) or self.site.error_log.count("PN20953") > failed,
                       "another number in the PidFile", 20)
        assert self._number() != old, self.site.error_log
        self.masters.append(self.site.master)
        return old, self.site.master

    def _number(self):
        text = self.site.server.pid_file.read_text()
        return int(text) if text.endswith("\n") else None

    def ends(self, pid):
        if pid == self.site.server.process.pid:
            assert self.site.server.process.wait(20) == 0
        self.site.wait(lambda: not servers.process_alive(pid), "the earlier master to end", 20)

    def finish(self):
        for pid in reversed(self.masters):
            if servers.process_alive(pid):
                os.kill(pid, signal.SIGTERM)
                self.ends(pid)


@pytest.fixture
def up(site):
    one = Upgradable(site)
    yield one
    one.finish()


def ask(site):
    return site.get("/ten.txt").body


def test_upgrade_runs_the_new_program(up):
    up.start()
    up.replace()
    assert up.site.run("-k", "upgrade").returncode == 0
    up.site.wait(lambda: up._number() not in (None, up.masters[0]), "another number in the PidFile", 20)
    up.masters.append(up.site.master)
    up.ends(up.masters[0])
    assert ask(up.site) == ANSWER
    assert os.stat(f"/proc/{up.site.master}/exe").st_ino == os.stat(up.program).st_ino


def test_upgrade_fails_no_request(up):
    """Twice in a row, under load of both kinds: each request is answered."""
    up.site.conf("StartServers 2")
    up.start()
    over, failures, answers = threading.Event(), [], [0]

    def client(headers):
        conn = None
        while not over.is_set():
            try:
                conn = conn or up.site.connect(timeout_s=15)
                answer = conn.request("GET", "/ten.txt", headers)
                answers[0] += 1
                if answer.body != ANSWER:
                    failures.append(answer)
                if answer.says_close:
                    conn.close()
                    conn = None
            except (OSError, http1.ConnectionEnded, http1.Deadline) as error:
                failures.append(error)
                conn = None
        if conn:
            conn.close()

    threads = [threading.Thread(target=client, args=(headers,)) for headers in [None, {"Connection": "close"}] * 2]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            old, _ = up.upgrade()
            up.ends(old)
            goal = answers[0] + 50
            up.site.wait(lambda: answers[0] >= goal or failures, "answers")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]


def test_download_is_finished_by_the_earlier_program(up):
    size = 32 * 1024 * 1024
    up.site.file("big.bin", bytes(size))
    up.start()
    with up.site.connect(timeout_s=20) as conn:
        conn.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert conn.wait_bytes(5)
        old, _ = up.upgrade()
        assert servers.process_alive(old)
        assert len(conn.response().body) == size
    up.ends(old)


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 3\n", "no program\n"], ids=["fails", "no-program"])
def test_program_that_does_not_start_changes_nothing(up, text):
    up.start()
    up.replace(text)
    os.kill(up.site.master, signal.SIGUSR2)
    up.site.wait_log("PN20953.*before it served: this one serves on")
    assert ask(up.site) == ANSWER
    assert up.site.master == up.masters[0]


def test_broken_configuration_changes_nothing(up):
    """The new program does not come up; mended, the next try works, and the PidFile was never let go of."""
    up.start()
    good = up.site.server.conf.read_text()
    up.site.server.conf.write_text(good + "NoSuchDirective On\n")
    assert up.site.run("-k", "upgrade").returncode == 1
    os.kill(up.site.master, signal.SIGUSR2)
    up.site.wait_log("PN20953.*before it served")
    assert ask(up.site) == ANSWER
    up.site.server.conf.write_text(good)
    old, new = up.upgrade()
    up.ends(old)
    assert ask(up.site) == ANSWER
    assert up.site.run("-k", "start").stdout == f"httpd (pid {new}) already running\n"


def test_daemon_is_upgraded(up):
    """What -k start has detached, from relative paths and another folder."""
    site = up.site
    site.write_conf()
    assert site.run("-k", "start").returncode == 0
    up.masters.append(site.master)
    try:
        os.kill(up.masters[0], signal.SIGUSR2)
        site.wait(lambda: up._number() not in (None, up.masters[0]), "another number in the PidFile", 20)
        up.masters.append(site.master)
        site.wait(lambda: not servers.process_alive(up.masters[0]), "the earlier master to end", 20)
        assert ask(site) == ANSWER
        assert os.getsid(site.master) != os.getsid(0)
    finally:
        assert site.run("-k", "stop").returncode == 0
        site.wait(lambda: not any(map(servers.process_alive, up.masters)), "the daemon to end")


def test_descriptors_do_not_pile_up(up):
    up.start()
    count = len(os.listdir(f"/proc/{up.site.master}/fd"))
    for _ in range(3):
        old, new = up.upgrade()
        up.ends(old)
    up.site.wait(lambda: len(os.listdir(f"/proc/{new}/fd")) <= count, "as many descriptors as at first")


def test_listeners_may_change(up):
    other = servers.free_port()
    up.start()
    with open(up.site.server.conf, "a") as conf:
        conf.write(f"Listen 127.0.0.1:{other}\n")
    old, _ = up.upgrade()
    up.ends(old)
    for port in (up.site.port, other):
        with up.site.connect(port=port) as conn:
            assert conn.request("GET", "/ten.txt").body == ANSWER


def test_service_manager_learns_the_new_number(up):
    path = str(up.site.dir / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(15)
        up.start(environment={"NOTIFY_SOCKET": path})
        old, new = up.upgrade()
        up.ends(old)
        told = []
        while f"MAINPID={new}" not in "\n".join(told):
            told.append(manager.recv(4096).decode())
        assert not any("STOPPING" in text for text in told)
        os.kill(new, signal.SIGTERM)
        while "STOPPING=1" not in told[-1]:
            told.append(manager.recv(4096).decode())
        up.ends(new)
