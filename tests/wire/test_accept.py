"""Who accepts a connection: one child woken for each, accept mutexes, sets of sockets, many Listen lines, socket options."""
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

from lib import http1, servers, shims

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ANSWER = b"0123456789"
MECHANISMS = ["flock", "fcntl", "sysvsem", "posixsem", "pthread"]


@pytest.fixture
def ten(site):
    return site.file("ten.txt", ANSWER)


def ask(site, port=None):
    with site.connect(port=port, timeout_s=10) as conn:
        return conn.request("GET", "/ten.txt").body


def in_parallel(work, threads):
    """Runs `work` in some threads; what it raised or returned."""
    results = []

    def run():
        try:
            results.append(work())
        except (OSError, http1.ConnectionEnded, http1.Deadline) as error:
            results.append(error)

    all_threads = [threading.Thread(target=run) for _ in range(threads)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    return results


def wakeups(pids):
    total = 0
    for pid in pids:
        total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", open(f"/proc/{pid}/status").read(), re.M)[1])
    return total


def watched_sockets(pid):
    """Inodes of the sockets that a process waits for."""
    found = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{number}") != "anon_inode:[eventpoll]":
                continue
            text = open(f"/proc/{pid}/fdinfo/{number}").read()
        except OSError:
            continue
        found |= {int(inode, 16) for inode in re.findall(r"^tfd:.*\bino:([0-9a-f]+)", text, re.M)}
    return found


def listening_sockets(port):
    """Inodes of the sockets that listen at a port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in open(table).read().splitlines()[1:]:
            field = line.split()
            if field[3] == "0A" and int(field[1].rpartition(":")[2], 16) == port:
                found.add(int(field[9]))
    return found


def waiting_children(site):
    """Children that wait at the listener."""
    sockets = listening_sockets(site.port)
    return [pid for pid in site.children if watched_sockets(pid) & sockets]


# --- without a mutex ---

def test_connection_wakes_one_child(ten):
    """Eight children at three Listen lines: a herd would be woken eight times for each connection."""
    ports = [ten.port, servers.free_port(), servers.free_port()]
    ten.listen += [f"Listen 127.0.0.1:{port}" for port in ports[1:]]
    ten.conf("StartServers 8\nServerLimit 8\nMaxRequestWorkers 200").start()
    ten.wait(lambda: len(waiting_children(ten)) == 8, "all children")
    for port in ports:
        ask(ten, port)
    children = ten.children
    before = wakeups(children)
    for n in range(60):
        assert ask(ten, ports[n % 3]) == ANSWER
    assert wakeups(children) - before < 60 * 6


def test_no_listener_starves(ten):
    """Sixteen Listen lines, one of them under load, one child: the others are served as well."""
    ports = [ten.port] + [servers.free_port() for _ in range(15)]
    ten.listen += [f"Listen 127.0.0.1:{port}" for port in ports[1:]]
    ten.conf("StartServers 1\nMinSpareThreads 1").start()
    over = threading.Event()

    def load():
        while not over.is_set():
            assert ask(ten) == ANSWER

    loads = [threading.Thread(target=load) for _ in range(4)]
    for thread in loads:
        thread.start()
    try:
        for port in ports[1:] + ports[1:]:
            assert ask(ten, port) == ANSWER
    finally:
        over.set()
        for thread in loads:
            thread.join()


# --- accept mutexes ---

@pytest.fixture
def namespace():
    """A process in an IPC namespace of its own: no other server's semaphores are there."""
    keeper = subprocess.Popen(["unshare", "-i", "sleep", "60"])
    yield keeper.pid
    keeper.kill()
    keeper.wait()


def in_namespace(site, pid):
    wrapper = site.dir / "in-namespace.sh"
    wrapper.write_text(f'#!/bin/sh\nexec nsenter -t {pid} -i "{site.binary}" "$@"\n')
    wrapper.chmod(0o755)
    site.server.binary = wrapper


def semaphores(pid):
    text = subprocess.run(["nsenter", "-t", str(pid), "-i", "cat", "/proc/sysvipc/sem"],
                          capture_output=True, text=True, check=True).stdout
    return len(text.splitlines()) - 1


@root_only
@pytest.mark.parametrize("model, line", [("mpm_event", "AcceptMutex {0}"), ("mpm_prefork", "Mutex {0} mpm-accept")],
                         ids=["event-AcceptMutex", "prefork-Mutex"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_accept_mutex(ten, namespace, model, mechanism, line):
    """One child at a time waits at the listener; a killed one lets go of its turn; nothing is left after the end."""
    ten.module_names[ten.module_names.index("mpm_event")] = model
    in_namespace(ten, namespace)
    before_files, before_shm = set(os.listdir(ten.run_dir)), set(os.listdir("/dev/shm"))
    ten.conf(line.format(mechanism) + "\nStartServers 3").start()
    ten.wait(lambda: len(waiting_children(ten)) == 1, "one child at the listener")
    assert semaphores(namespace) == (mechanism == "sysvsem")
    assert in_parallel(lambda: [ask(ten) for _ in range(10)], 3) == [[ANSWER] * 10] * 3
    for _ in range(2):
        holder, = ten.wait(lambda: waiting_children(ten) if len(waiting_children(ten)) == 1 else None, "one child")
        os.kill(holder, signal.SIGKILL)
        assert [ask(ten) for _ in range(5)] == [ANSWER] * 5
    ten.signal(signal.SIGUSR1)
    ten.wait(lambda: ten.error_log.count("resuming normal operations") == 2, "the restart")
    assert [ask(ten) for _ in range(5)] == [ANSWER] * 5
    ten.stop()
    left = set(os.listdir(ten.run_dir)) - before_files
    assert not [name for name in left if "mpm-accept" in name]
    assert semaphores(namespace) == 0
    assert not [name for name in set(os.listdir("/dev/shm")) - before_shm if "apr" in name.lower()]


@root_only
def test_lock_file_is_where_it_is_said(ten):
    ten.conf("AcceptMutex flock\nLockFile {run}/our.lock").start()
    assert (ten.run_dir / f"our.lock.{ten.master}").exists()
    assert ask(ten) == ANSWER
    ten.stop()
    assert not [name for name in os.listdir(ten.run_dir) if name.startswith("our.lock")]


@pytest.mark.parametrize("line", ["", "AcceptMutex default", "Mutex none mpm-accept", "Mutex flock default"],
                         ids=["nothing", "default", "none", "others"])
def test_children_wait_together_without_a_mutex(ten, line):
    ten.conf("StartServers 2\n" + line).start()
    ten.wait(lambda: len(waiting_children(ten)) == 2, "both children")


def test_worker_says_that_it_takes_no_turns(ten):
    ten.module_names[ten.module_names.index("mpm_event")] = "mpm_worker"
    ten.conf("AcceptMutex flock").start()
    assert "PN20950" in ten.error_log
    assert ask(ten) == ANSWER


@pytest.mark.parametrize("mechanism", ["default", *MECHANISMS])
def test_module_mutex(ten, mechanism):
    """The public interface: requests in two processes add to a number in a file, one at a time."""
    counter = ten.dir / "counter"
    counter.write_text("0\n")
    counter.chmod(0o666)
    ten.conf(f'LoadModule counter_module "{shims.build("mod_counter", ten.dir)}"\n<Location "/count">\n'
             f"SetHandler counter\n</Location>\nMutex {mechanism} counter\nStartServers 2")
    ten.start(environment={"COUNTER": str(counter)})
    assert in_parallel(lambda: [ten.get("/count").status for _ in range(10)], 4) == [[200] * 10] * 4
    assert counter.read_text() == "40\n"


def test_module_that_needs_its_mutex_refuses_none(ten):
    ten.conf(f'LoadModule counter_module "{shims.build("mod_counter", ten.dir)}"\nMutex none counter').write_conf()
    result = ten.run("-DFOREGROUND")
    assert result.returncode == 1 and "counter cannot be without a mutex" in result.stderr


# --- sets of sockets ---

@pytest.fixture
def buckets(ten):
    if os.cpu_count() < 2:
        pytest.skip("one core has one set of sockets")
    return ten.conf(f"ListenCoresBucketsRatio 1\nStartServers {os.cpu_count()}\nServerLimit 64\n"
                    "ThreadsPerChild 4\nMaxRequestWorkers 256")


def test_each_set_has_a_child(buckets):
    """As many sockets as cores, and every one is waited at."""
    buckets.start()
    sockets = listening_sockets(buckets.port)
    assert len(sockets) == os.cpu_count()
    buckets.wait(lambda: sockets == sockets & set().union(*map(watched_sockets, buckets.children)), "a child at each")
    assert in_parallel(lambda: [ask(buckets) for _ in range(10)], 4) == [[ANSWER] * 10] * 4


def test_set_outlives_its_child(buckets):
    """What waits at the sockets of a child that is killed is served by the next one."""
    buckets.start()
    victim = buckets.children[0]
    os.kill(victim, signal.SIGSTOP)
    conns = [buckets.connect(timeout_s=10) for _ in range(30)]
    for conn in conns:
        conn.send(b"GET /ten.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    os.kill(victim, signal.SIGKILL)
    assert [conn.response(timeout_s=10).body for conn in conns] == [ANSWER] * 30
    for conn in conns:
        conn.close()


def test_sets_live_through_restarts(buckets):
    buckets.start()
    sockets = listening_sockets(buckets.port)
    over, failures = threading.Event(), []

    def load():
        while not over.is_set():
            if ask(buckets) != ANSWER:
                failures.append("another answer")

    threads = threading.Thread(target=lambda: failures.extend(r for r in in_parallel(load, 3) if r)),
    threads[0].start()
    for n in range(2, 5):
        buckets.signal(signal.SIGUSR1)
        buckets.wait(lambda: buckets.error_log.count("resuming normal operations") == n, "the restart")
    over.set()
    threads[0].join()
    assert not failures
    assert listening_sockets(buckets.port) == sockets


# --- socket options ---

def connections(site):
    """How many open connections the children hold."""
    own = set()
    for pid in site.children:
        for number in os.listdir(f"/proc/{pid}/fd"):
            try:
                own.add(os.readlink(f"/proc/{pid}/fd/{number}"))
            except OSError:
                continue
    established = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
    return sum(field[3] == "01" and int(field[1].rpartition(":")[2], 16) == site.port and
               f"socket:[{field[9]}]" in own for field in established)


@pytest.mark.parametrize("lines, expected", [
    ("", False), ("AcceptFilter http data", False), ("AcceptFilter http none", True),
    ("AcceptFilter http connect", True), ("ListenTCPDeferAccept 0", True), ("ListenTCPDeferAccept 5", False),
])
def test_kernel_waits_for_data(ten, lines, expected):
    """Whether a connection without a byte is handed to the server."""
    ten.conf("StartServers 1\nMinSpareThreads 1\n" + lines).start()
    with ten.connect(), ten.connect() as speaking:
        assert speaking.request("GET", "/ten.txt").body == ANSWER  # came later, so the first one had its chance
        if expected:
            ten.wait(lambda: connections(ten) == 2, "the silent connection")
        assert connections(ten) == (2 if expected else 1)


def test_defer_accept_takes_seconds(ten):
    ten.conf("ListenTCPDeferAccept never").write_conf()
    result = ten.run("-t")
    assert result.returncode == 1 and "ListenTCPDeferAccept" in result.stderr


def test_buffer_sizes(ten):
    if shutil.which("ss") is None:
        pytest.skip("needs ss")
    ten.conf("ReceiveBufferSize 32768\nSendBufferSize 65536").start()
    told = subprocess.run(["ss", "-tlnm", f"sport = :{ten.port}"], capture_output=True, text=True).stdout
    assert "rb65536" in told and "tb131072" in told  # the kernel doubles what it is told
