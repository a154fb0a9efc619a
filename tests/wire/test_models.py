"""The process models: how many children there are, who gets a connection, what happens at the limits."""
import os
import resource
import signal
import socket
import threading
import time

import pytest

from lib import http1, servers

PREFORK = "KeepAliveTimeout 30\n"


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


def prefork(site, text):
    site.module_names[site.module_names.index("mpm_event")] = "mpm_prefork"
    return site.conf(PREFORK + text)


def hold(site, count):
    """Connections that have each been answered once and stay open."""
    conns = []
    for _ in range(count):
        conn = site.connect()
        assert conn.request("GET", "/ten.txt").status == 200
        conns.append(conn)
    return conns


def sockets_of(pid):
    found = 0
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:")
        except OSError:
            continue
    return found


# --- event ---

def test_event_starts_a_child_for_each_core(ten):
    ten.start()
    assert len(ten.children) == len(os.sched_getaffinity(0)) or len(ten.children) == os.cpu_count()


def test_connections_are_shared_evenly(ten):
    """Each child gets its part of connections that stay, also of those that come one by one."""
    ten.conf("StartServers 2").start()
    conns = hold(ten, 40)
    ten.wait(lambda: sum(sockets_of(pid) for pid in ten.children) >= 40, "the connections to be seen")
    counts = sorted(sockets_of(pid) for pid in ten.children)
    assert counts[0] >= 14, counts
    for conn in conns:
        conn.close()


def test_stopped_sibling_holds_nobody_up(ten):
    """A child that does not run gets no share: the others take what it leaves."""
    ten.conf("StartServers 2").start()
    victim = ten.children[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        conns = hold(ten, 40)
        assert time.monotonic() - begun < 3  # one connection at most waits until the master looks
    finally:
        os.kill(victim, signal.SIGCONT)
    for conn in conns:
        conn.close()


# --- prefork ---

def test_prefork_child_holds_one_connection(ten):
    prefork(ten, "StartServers 3\nMinSpareServers 1\nMaxSpareServers 5\nMaxRequestWorkers 3").start()
    assert len(ten.children) == 3
    conns = hold(ten, 3)
    with ten.connect() as waiting:
        waiting.send(b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(http1.Deadline):
            waiting.response(timeout_s=0.5)
        conns.pop().close()
        assert waiting.response().status == 200
    for conn in conns:
        conn.close()
    assert "AH00161" in ten.error_log


def test_prefork_burst_does_not_wait(ten):
    """40 clients that come together and stay are all being served within two seconds."""
    prefork(ten, "StartServers 2\nMinSpareServers 1\nMaxSpareServers 3\nServerLimit 50\nMaxRequestWorkers 50").start()
    answers, late = [], threading.Event()

    def client():
        with ten.connect(timeout_s=10) as conn:
            answers.append(conn.request("GET", "/ten.txt").status)
            late.wait(20)

    threads = [threading.Thread(target=client) for _ in range(40)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    ten.wait(lambda: len(answers) == 40, "40 answers")
    took = time.monotonic() - begun
    late.set()
    for thread in threads:
        thread.join()
    assert took < 2, took
    assert set(answers) == {200}
    peak = len(ten.children)
    ten.wait(lambda: len(ten.children) < peak - 1, "spare children to end")


def test_prefork_keeps_its_spare_children(ten):
    prefork(ten, "StartServers 1\nMinSpareServers 4\nMaxSpareServers 6\nMaxRequestWorkers 20").start()
    ten.wait(lambda: len(ten.children) >= 4, "spare children")
    conns = hold(ten, 3)
    ten.wait(lambda: len(ten.children) >= 7, "more spare children")
    for conn in conns:
        conn.close()


# --- recycling ---

@pytest.mark.parametrize("model", ["event", "prefork"])
def test_child_is_replaced_after_its_connections(ten, model):
    text = "StartServers 2\nMinSpareServers 2\nMaxSpareServers 4\nMaxConnectionsPerChild 10"
    (prefork(ten, text) if model == "prefork" else ten.conf("StartServers 2\nMaxConnectionsPerChild 10")).start()
    first = set(ten.children)
    for _ in range(120):
        assert ten.get("/ten.txt").body == b"0123456789"
    ten.wait(lambda: first.isdisjoint(ten.children), "other children")


# --- limits and faults ---

def test_no_descriptors_left(ten):
    """Accepting pauses with one line a second, and goes on when there are descriptors again."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, most))
    try:
        ten.conf("StartServers 1\nKeepAliveTimeout 30").start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    conns = []
    for _ in range(60):
        conns.append(ten.connect())
        conns[-1].send(b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    ten.wait_log("cannot accept connections")
    time.sleep(0.5)
    assert ten.error_log.count("cannot accept connections") <= 2
    assert conns[0].response().status == 200
    assert conns[0].request("GET", "/ten.txt").status == 200
    for conn in conns[1:]:
        assert conn.response().status == 200    # those at the end get in as the first ones leave
        conn.close()
    conns[0].close()


def test_killed_master_takes_its_children_along(ten):
    """kill -9 of the master: the children end, and another master starts on the same port at once."""
    ten.conf("StartServers 2").start()
    with ten.connect() as conn:
        assert conn.request("GET", "/ten.txt").status == 200
        children = ten.children
        ten.server.process.kill()
        ten.server.process.wait()
        ten.server.start()
        ten.wait(lambda: ten.server.pid_file.read_text() == f"{ten.server.process.pid}\n", "the new master")
        assert ten.get("/ten.txt").status == 200
    ten.wait(lambda: not any(servers.process_alive(pid) for pid in children), "the old children to end")
    assert "AH00098" in ten.error_log


def test_children_that_die_young_are_not_started_without_end(ten):
    ten.conf("StartServers 1").start()
    seen, until = set(), time.monotonic() + 1.5
    while time.monotonic() < until:
        for pid in ten.children:
            if pid not in seen:
                seen.add(pid)
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
    assert 2 <= len(seen) <= 8, len(seen)
    ten.wait(lambda: ten.get("/ten.txt").status == 200, "service again")


def test_idle_connection_gets_one_more_answer(ten):
    """A graceful restart does not cut a connection that could be asked at this very moment."""
    ten.conf("KeepAliveTimeout 30").start()
    with ten.connect() as conn:
        assert not conn.request("GET", "/ten.txt").says_close
        before = set(ten.children)
        ten.signal(signal.SIGUSR1)
        ten.wait(lambda: set(ten.children) - before, "new children")
        time.sleep(0.1)
        last = conn.request("GET", "/ten.txt")
        assert (last.status, last.says_close) == (200, True)
    ten.wait(lambda: before.isdisjoint(ten.children), "the old children to end")


def test_graceful_stop_has_an_end(ten):
    ten.conf("GracefulShutdownTimeout 1").file("big.bin", bytes(64 * 1024 * 1024)).start()
    with ten.connect() as conn:
        conn.send(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        assert conn.wait_bytes(5)
        begun = time.monotonic()
        ten.signal(signal.SIGWINCH)
        assert ten.server.process.wait(10) == 0
        assert 0.8 < time.monotonic() - begun < 4


def test_listeners_change_with_a_reload(ten):
    other = servers.free_port()
    ten.start()
    text = ten.server.conf.read_text()
    ten.server.conf.write_text(text + f"Listen 127.0.0.1:{other}\n")
    ten.signal(signal.SIGUSR1)
    ten.wait(lambda: answers_on(ten, other), "the new port")
    ten.server.conf.write_text(text)
    ten.signal(signal.SIGUSR1)
    ten.wait(lambda: not answers_on(ten, other), "the port to close")
    assert ten.get("/ten.txt").status == 200


def answers_on(site, port):
    try:
        with site.connect(port=port, timeout_s=2) as conn:
            return conn.request("GET", "/ten.txt").status == 200
    except (OSError, http1.ConnectionEnded, http1.Deadline):
        return False


def test_reload_with_a_port_that_is_taken(ten):
    """Nothing changes, the error is in the log, and the server goes on."""
    ten.start()
    before = ten.children
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        ten.server.conf.write_text(ten.server.conf.read_text() + f"Listen 127.0.0.1:{port}\n")
        ten.signal(signal.SIGUSR1)
        ten.wait_log(f"could not bind to address 127.0.0.1:{port}")
    assert ten.get("/ten.txt").status == 200
    assert ten.children == before


def test_ipv6(ten):
    ten.listen = [f"Listen [::1]:{ten.port}"]
    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    ten.start()
    with ten.connect(host="::1") as conn:
        assert conn.request("GET", "/ten.txt").status == 200
    with pytest.raises(OSError):
        ten.connect(timeout_s=1)


def test_port_alone_means_both_families(ten):
    ten.listen = [f"Listen {ten.port}"]
    ten.start()
    assert ten.get("/ten.txt").status == 200
    if socket.has_ipv6:
        with ten.connect(host="::1") as conn:
            assert conn.request("GET", "/ten.txt").status == 200


# --- what surrounds the processes ---

def test_service_manager_is_told(ten):
    path = str(ten.dir / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(5)
        ten.start(environment={"NOTIFY_SOCKET": path})
        assert b"READY=1" in notify.recv(4096)
        ten.signal(signal.SIGUSR1)
        assert b"RELOADING=1" in notify.recv(4096)
        assert b"READY=1" in notify.recv(4096)
        ten.stop()
        assert b"STOPPING=1" in notify.recv(4096)


def test_scoreboard_file(ten):
    path = ten.run_dir / "board"
    ten.conf('ScoreBoardFile "{run}/board"').start()
    assert path.stat().st_size > 64
    ten.stop()
    assert not path.exists()


def test_pid_file_is_held(ten):
    """A second master with the same PidFile does not start, even on another port."""
    ten.start()
    text = ten.server.conf.read_text().replace(f":{ten.port}", f":{servers.free_port()}")
    other = ten.run_dir / "other.conf"
    other.write_text(text)
    result = ten.run_bare("-f", str(other), "-DFOREGROUND")
    assert result.returncode == 1
    assert "PidFile" in result.stderr
    assert ten.master == ten.server.process.pid


def test_one_process(ten):
    ten.start("-X")
    assert ten.children == []
    assert ten.get("/ten.txt").status == 200
    ten.server.stop()
    assert ten.server.process.wait(10) == 0
    if ten.server.pid_file.exists():            # not ours to remove once root is given up: emptied
        assert ten.server.pid_file.read_text() == ""
        ten.server.pid_file.unlink()


@pytest.mark.parametrize("text, number", [
    ("ThreadsPerChild 100", "AH00507"), ("StartServers 0", "AH00517"), ("ThreadLimit 0", "AH00499"),
    ("ThreadsPerChild 10\nMaxRequestWorkers 25", "AH00513"), ("MaxRequestWorkers 5", "AH00511"),
    ("ServerLimit 2\nMaxRequestWorkers 400", "AH00515"),
])
def test_impossible_numbers_are_corrected(site, text, number):
    site.conf(text).write_conf()
    result = site.run("-t")
    assert result.returncode == 0
    assert number in result.stderr


def test_one_model_at_a_time(site):
    site.modules("mpm_prefork").write_conf()
    result = site.run("-t")
    assert result.returncode == 1
    assert "AH00534" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone needs a User line")
def test_root_needs_a_user(site):
    site.lines = []
    site.write_conf()
    result = site.run("-DFOREGROUND")
    assert result.returncode == 1
    assert "User" in result.stderr
    assert site.run("-t", "-C", "User root").returncode == 1
