"""The worker model: threads that hold one connection each, and what they share."""
import os
import signal
import threading

import pytest

from lib import http1, servers


@pytest.fixture
def worker(site):
    site.module_names[site.module_names.index("mpm_event")] = "mpm_worker"
    return site.file("ten.txt", b"0123456789").conf("KeepAliveTimeout 30")


def one_child(site, threads=4):
    return site.conf(f"StartServers 1\nServerLimit 1\nThreadsPerChild {threads}\nMaxRequestWorkers {threads}\n"
                     "MinSpareThreads 1")


def threads_of(pid):
    """Those that serve: sanitizers have threads of their own."""
    names = [open(f"/proc/{pid}/task/{task}/comm").read() for task in os.listdir(f"/proc/{pid}/task")]
    return sum(name.startswith("serve ") for name in names)


def hold(site, count):
    """Connections that have each been answered once and stay open."""
    conns = []
    for _ in range(count):
        conn = site.connect()
        assert conn.request("GET", "/ten.txt").status == 200
        conns.append(conn)
    return conns


def close_all(conns):
    for conn in conns:
        conn.close()


def test_version_says_that_it_is_threaded(worker):
    worker.write_conf()
    told = worker.run("-V").stdout
    assert "worker" in told.split("Server MPM:")[1].splitlines()[0]
    assert told.split("threaded:")[1].split()[0] == "yes"
    assert "20101" not in worker.run("-t").stderr


@pytest.mark.parametrize("threads", [1, 4, 20])
def test_a_child_has_its_threads(worker, threads):
    one_child(worker, threads).start()
    assert len(worker.children) == 1
    assert threads_of(worker.children[0]) == threads
    assert worker.get("/ten.txt").body == b"0123456789"


def test_each_thread_holds_a_connection(worker):
    """Kept connections have their threads; one more waits until one of them is closed."""
    one_child(worker, 3).start()
    conns = hold(worker, 3)
    with worker.connect() as waiting:
        waiting.send(b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(http1.Deadline):
            waiting.response(timeout_s=0.3)
        conns.pop().close()
        assert waiting.response().status == 200
    close_all(conns)
    worker.wait_log("AH00286.*from 3 to 6, and ServerLimit to 2")


def test_more_children_come_for_spare_threads_and_go(worker):
    worker.conf("StartServers 1\nThreadsPerChild 2\nMinSpareThreads 2\nMaxSpareThreads 4\nMaxRequestWorkers 10").start()
    conns = hold(worker, 6)
    worker.wait(lambda: len(worker.children) >= 4, "children with spare threads")
    close_all(conns)
    worker.wait(lambda: len(worker.children) <= 2, "the children to end", 20)


def test_a_change_is_seen_by_every_thread(worker):
    """Also by those that slept while another thread heard of it."""
    one_child(worker, 6).start()
    conns = hold(worker, 6)
    for n in range(20):
        text = b"version %d" % n
        worker.file("ten.txt", text)
        order = conns[n % 6:] + conns[:n % 6]
        assert [conn.request("GET", "/ten.txt").body for conn in order] == [text] * 6
    close_all(conns)


def test_directories_that_come_and_go_are_seen_by_every_thread(worker):
    worker.conf('<Directory "{root}">\nAllowOverride All\n</Directory>')
    one_child(worker, 4).start()
    conns = hold(worker, 4)

    def statuses(path):
        return {conn.request("GET", path).status for conn in conns}

    for _ in range(4):
        assert statuses("/sub/a.txt") == {404}
        worker.file("sub/a.txt", b"x")
        assert statuses("/sub/a.txt") == {200}
        worker.file("sub/.htaccess", b"Require all denied\n")
        assert statuses("/sub/a.txt") == {403}
        (worker.root / "sub/.htaccess").unlink()
        assert statuses("/sub/a.txt") == {200}
        (worker.root / "sub").rename(worker.root / "other")
        assert statuses("/sub/a.txt") == {404}
        assert statuses("/other/a.txt") == {200}
        (worker.root / "other/a.txt").unlink()
        (worker.root / "other").rmdir()
    close_all(conns)


def test_a_thread_that_slept_through_very_many_changes(worker):
    """More than its queue holds: its cache begins anew."""
    one_child(worker, 2).start()
    busy, sleeper = hold(worker, 2)
    for _ in range(3):
        for n in range(700):
            worker.file(f"a-file-with-a-long-name-{n}.txt", b"y")
        assert busy.request("GET", "/a-file-with-a-long-name-1.txt").status == 200
    worker.file("ten.txt", b"new")
    assert sleeper.request("GET", "/ten.txt").body == b"new"
    assert sleeper.request("GET", "/a-file-with-a-long-name-699.txt").body == b"y"
    close_all([busy, sleeper])


class Clients:
    """Threads that ask until they are told to stop; what was answered, and what went wrong."""

    def __init__(self, site, count=6, every=0):
        self.site, self.every = site, every
        self.answered, self.failed = set(), []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def wait(self, count):
        goal = len(self.answered) + count
        self.site.wait(lambda: len(self.answered) >= goal or self.failed, f"{count} answers", 20)

    def _run(self, number):
        n, conn = 0, None
        while not self.over.is_set():
            target = f"/ten.txt?{number}-{n}"
            n += 1
            fresh = conn is None
            try:
                conn = conn or self.site.connect()
                answer = conn.request("GET", target)
                assert answer.body == b"0123456789"
                self.answered.add(target)
            except (OSError, http1.ConnectionEnded, http1.Deadline, AssertionError) as error:
                idle_closed = isinstance(error, http1.ConnectionEnded) and error.how == "closed" and not error.partial
                if fresh or not idle_closed:
                    self.failed.append((target, error))
                answer = None
            if not answer or answer.says_close or (self.every and n % self.every == 0):
                conn.close()
                conn = None
        if conn:
            conn.close()


def wait_for_lines(site, targets):
    site.wait(lambda: targets <= {line.split('"')[1].split()[1] for line in site.access_log if '"' in line},
              "all lines of the log")


def test_nothing_is_lost_over_reloads(worker):
    worker.conf("StartServers 2\nThreadsPerChild 4\nMinSpareThreads 2\nMaxRequestWorkers 16").start()
    with Clients(worker) as clients:
        for _ in range(4):
            clients.wait(100)
            before = set(worker.children)
            worker.signal(signal.SIGUSR1)
            worker.wait(lambda: before.isdisjoint(worker.children), "the children to change", 20)
    assert not clients.failed, clients.failed[:3]
    wait_for_lines(worker, clients.answered)


def test_nothing_is_lost_when_children_are_recycled(worker):
    worker.conf("StartServers 1\nThreadsPerChild 4\nMinSpareThreads 1\nMaxRequestWorkers 8\n"
                "MaxConnectionsPerChild 20").start()
    first = set(worker.children)
    with Clients(worker, every=3) as clients:
        clients.wait(400)
        worker.wait(lambda: first.isdisjoint(worker.children), "other children", 20)
    assert not clients.failed, clients.failed[:3]


def kill_one(site):
    """The child that was killed; None when there was none, or it ended by itself."""
    for pid in site.children[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
            return pid
        except ProcessLookupError:
            pass
    return None


def test_log_is_complete_after_a_kill(worker):
    worker.conf("StartServers 2\nThreadsPerChild 4\nMinSpareThreads 2\nMaxRequestWorkers 16").start()
    with Clients(worker) as clients:
        for _ in range(3):
            clients.wait(100)
            victim = worker.wait(lambda: kill_one(worker), "a child")
            worker.wait(lambda: not servers.process_alive(victim), "the child to die")
            worker.wait(lambda: len(worker.children) >= 2, "another one")
            clients.failed.clear()
    wait_for_lines(worker, clients.answered)


def test_stop_with_open_connections(worker):
    worker.file("big.bin", bytes(8 << 20))
    one_child(worker, 6).start()
    conns = [worker.connect() for _ in range(6)]
    for n, conn in enumerate(conns):
        conn.send(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"big.bin" if n % 2 else b"ten.txt"))
        assert conn.wait_bytes(5)
    worker.stop()
    close_all(conns)


def test_graceful_stop_finishes_what_is_on_its_way(worker):
    size = 24 << 20
    worker.file("big.bin", bytes(size))
    one_child(worker, 3).start()
    with worker.connect(timeout_s=20) as conn:
        conn.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert conn.wait_bytes(5)
        worker.signal(signal.SIGWINCH)
        worker.wait_log("AH00492")
        assert len(conn.response().body) == size
    worker.wait(lambda: worker.server.process.poll() is not None, "the master to end")


def test_one_process_has_its_threads_too(worker):
    worker.conf("ThreadsPerChild 3").start("-X")
    assert worker.children == []
    assert threads_of(worker.master) == 3
    conns = hold(worker, 3)
    close_all(conns)
    worker.server.stop()
    assert worker.server.process.wait(10) == 0
    if worker.server.pid_file.exists():
        worker.server.pid_file.unlink()


def test_programs_are_started_from_every_thread(worker):
    worker.modules("cgi").file("a.cgi", b"#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho hello\n", 0o755)
    worker.conf("AddHandler cgi-script .cgi\n<Directory \"{root}\">\nOptions +ExecCGI\n</Directory>")
    one_child(worker, 4).start()
    conns = hold(worker, 4)
    for _ in range(3):
        for conn in conns:
            conn.send(b"GET /a.cgi HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [conn.response().body for conn in conns] == [b"hello\n"] * 4
    close_all(conns)
