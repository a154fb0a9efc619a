"""The life of the server's processes: reload, restart, crash, stop, who they run as."""
import os
import pwd
import signal
import socket
import threading
import time

import pytest

from lib import http1, servers

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give rights up")


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


class Load:
    """Threads that ask for numbered URLs and note which were answered, until told to stop."""

    def __init__(self, site, threads=4):
        self.site = site
        self.answered = set()
        self.failed = []
        self.lock = threading.Lock()
        self.over = threading.Event()
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
        """Until that many more have been answered than now."""
        goal = len(self.answered) + count
        self.site.wait(lambda: len(self.answered) >= goal, f"{goal} answers under load")

    def _run(self, worker):
        n, conn = 0, None
        while not self.over.is_set():
            target = f"/ten.txt?w{worker}n{n}"
            n += 1
            try:
                conn = conn or self.site.connect()
                answer = conn.request("GET", target)
                ok = answer.status == 200 and answer.body == b"0123456789"
            except (OSError, http1.ConnectionEnded, http1.Deadline) as error:
                ok, answer = False, error
            with self.lock:
                if ok:
                    self.answered.add(target)
                else:
                    self.failed.append((target, answer))
            if not ok or answer.says_close:
                conn.close() if conn else None
                conn = None
        if conn:
            conn.close()


def logged_targets(site):
    return {line.split('"')[1].split()[1] for line in site.access_log if '"' in line}


def test_log_is_complete_after_a_child_is_killed(ten):
    """Each request that a client saw answered has its line, also those of the killed child."""
    ten.conf("StartServers 2\nMinSpareThreads 1\nThreadsPerChild 8\nMaxRequestWorkers 32").start()
    with Load(ten) as load:
        for _ in range(5):
            load.wait_answers(50)
            before = ten.children
            victim = before[0]
            os.kill(victim, signal.SIGKILL)
            ten.wait(lambda: not servers.process_alive(victim), "the child to die")
            ten.wait(lambda: ten.get("/ten.txt").status == 200, "service after the kill")
    missing = set()

    def complete():
        missing.clear()
        missing.update(load.answered - logged_targets(ten))
        return not missing

    try:
        ten.wait(complete, "log lines", 5)
    except TimeoutError:
        pytest.fail(f"{len(missing)} of {len(load.answered)} answered requests are not in the log: "
                    f"{sorted(missing)[:5]}")


def test_log_is_complete_after_a_stop(ten):
    ten.start()
    with Load(ten) as load:
        load.wait_answers(200)
    ten.stop()
    assert load.answered <= logged_targets(ten)


def test_killed_child_is_replaced(ten):
    ten.conf("StartServers 1").start()
    victim = ten.children[0]
    os.kill(victim, signal.SIGKILL)
    ten.wait(lambda: [pid for pid in ten.children if servers.process_alive(pid) and pid != victim],
             "another child")
    assert ten.get("/ten.txt").status == 200


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP], ids=["graceful", "restart"])
def test_broken_configuration_keeps_serving(ten, number):
    ten.start()
    good = ten.server.conf.read_text()
    ten.server.conf.write_text(good + "NoSuchDirective On\n")
    result = ten.run("-k", "graceful" if number == signal.SIGUSR1 else "restart")
    assert result.returncode == 1
    assert "NoSuchDirective" in result.stderr
    assert ten.get("/ten.txt").body == b"0123456789"
    ten.server.conf.write_text(good)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP], ids=["graceful", "restart"])
def test_signal_with_broken_configuration_keeps_serving(ten, number):
    """A signal sent by hand, without the check that -k makes: refused, logged, still serving."""
    ten.start()
    master = ten.master
    good = ten.server.conf.read_text()
    ten.server.conf.write_text(good + "NoSuchDirective On\n")
    ten.signal(number)
    ten.wait_log("NoSuchDirective")
    assert ten.get("/ten.txt").body == b"0123456789"
    assert ten.master == master and servers.process_alive(master)
    ten.server.conf.write_text(good + "Redirect /moved http://elsewhere.test/\n")
    ten.signal(number)
    ten.wait(lambda: ten.get("/moved").status == 302, "the mended configuration")


def test_graceful_restart_takes_the_new_configuration(ten):
    ten.start()
    master, before = ten.master, ten.children
    with open(ten.server.conf, "a") as conf:
        conf.write("Redirect /new http://elsewhere.test/\n")
    ten.signal(signal.SIGUSR1)
    ten.wait(lambda: ten.get("/new").status == 302, "the new configuration")
    ten.wait(lambda: not any(map(servers.process_alive, before)), "the old children to end")
    assert ten.master == master


def test_graceful_restart_loses_nothing(ten):
    ten.conf("StartServers 2").start()
    with Load(ten) as load:
        for _ in range(5):
            load.wait_answers(100)
            before = set(ten.children)
            ten.signal(signal.SIGUSR1)
            ten.wait(lambda: before.isdisjoint(ten.children), "the children to change", 20)
    refused = [failure for failure in load.failed
               if not (isinstance(failure[1], http1.ConnectionEnded) and failure[1].how == "closed"
                       and not failure[1].partial)]
    assert not refused, refused[:5]         # idle connections may be closed, nothing else may fail


def test_graceful_restart_finishes_a_download(ten):
    size = 32 * 1024 * 1024
    ten.file("big.bin", bytes(size)).start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert conn.wait_bytes(5)
        before = ten.children
        ten.signal(signal.SIGUSR1)
        ten.wait(lambda: set(ten.children) - set(before), "new children")
        assert len(conn.response().body) == size


def test_graceful_stop_finishes_a_download(ten):
    size = 32 * 1024 * 1024
    ten.file("big.bin", bytes(size)).start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert conn.wait_bytes(5)
        ten.signal(signal.SIGWINCH)
        ten.wait(lambda: not accepts(ten), "the listener to close")
        assert len(conn.response().body) == size
    ten.wait(lambda: ten.server.process.poll() is not None, "the master to end")


def accepts(site):
    try:
        site.connect(timeout_s=1).close()
        return True
    except OSError:
        return False


def test_stop_with_open_connections(ten):
    """SIGTERM ends all at once, idle and busy connections alike."""
    ten.file("big.bin", bytes(32 * 1024 * 1024)).start()
    conns = [ten.connect() for _ in range(20)]
    for n, conn in enumerate(conns):
        conn.send(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"big.bin" if n % 2 else b"ten.txt"))
        assert conn.wait_bytes(5)
    ten.stop()
    for conn in conns:
        conn.close()


def test_stop_removes_the_pid_file_and_frees_the_port(ten):
    ten.start()
    ten.get("/ten.txt")
    ten.stop()
    assert not ten.server.pid_file.exists()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", ten.port))


@root_only
@pytest.mark.parametrize("who", ["www-data", "nobody"])
def test_children_give_up_rights(ten, who):
    group = "nogroup" if who == "nobody" else who
    ten.lines = [f"User {who}\nGroup {group}"]
    ten.file("secret.txt", b"x", mode=0o600).start()
    account = pwd.getpwnam(who)
    assert ten.get("/ten.txt").status == 200
    assert ten.children
    for pid in ten.children:
        status = dict(line.split(":\t", 1) for line in
                      open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
        assert set(status["Uid"].split()) == {str(account.pw_uid)}
        assert set(status["Gid"].split()) == {str(account.pw_gid)}
        assert "0" not in status["Groups"].split()
        assert int(status["CapEff"], 16) == 0
    assert ten.get("/secret.txt").status == 403


@root_only
def test_numeric_user_and_group(ten):
    account = pwd.getpwnam("www-data")
    ten.lines = [f"User #{account.pw_uid}\nGroup #{account.pw_gid}"]
    ten.start()
    assert ten.get("/ten.txt").status == 200
    assert os.stat(f"/proc/{ten.children[0]}").st_uid == account.pw_uid


def test_socket_activation(ten):
    """A listener handed over by the service manager (LISTEN_FDS, from descriptor 3 on)."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", ten.port))
    listener.listen(16)
    ten.write_conf()
    with listener, ActivatedServer(ten, listener):
        assert ten.get("/ten.txt").body == b"0123456789"


class ActivatedServer:
    """Runs the server as a service manager does: the listener at descriptor 3, and in LISTEN_PID
    the pid, which exec keeps."""

    SCRIPT = """#!/usr/bin/python3
import os, sys
os.dup2({fd}, 3) if {fd} != 3 else os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv("{binary}", ["{binary}", *sys.argv[1:]])
"""

    def __init__(self, site, listener):
        self.site, self.listener = site, listener
        self.script = site.dir / "activate.py"
        self.script.write_text(self.SCRIPT.format(fd=listener.fileno(), binary=site.binary))
        self.script.chmod(0o755)

    def __enter__(self):
        self.site.server.binary = self.script
        self.site.start(pass_fds=(self.listener.fileno(),))

    def __exit__(self, *_):
        self.site.stop()


def test_daemon_detaches(ten):
    """-k start returns when the server listens; the daemon has a session of its own."""
    ten.write_conf()
    result = ten.run("-k", "start")
    try:
        assert result.returncode == 0, result.stderr
        ten.wait(ten.server.pid_file.exists, "the pid file")
        assert ten.get("/ten.txt").status == 200
        assert os.getsid(ten.master) != os.getsid(0)
        assert os.readlink(f"/proc/{ten.master}/fd/0") == "/dev/null"
    finally:
        master = ten.master
        assert ten.run("-k", "stop").returncode == 0
        ten.wait(lambda: not servers.process_alive(master), "the daemon to end")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def test_stop_hears_of_a_child_that_ended_meanwhile(ten):
    """A child ends while the master is busy with an earlier signal: its end is not overlooked. A master that overlooks it
    waits for the longest that children may take to stop, which is five seconds; the reload is held up by a pipe."""
    types = ten.run_dir / "mime.types"
    ten.conf("StartServers 1\nMaxSpareThreads 1").start()
    child, = ten.children
    types.unlink()
    os.mkfifo(types)
    ten.conf(f"Listen 192.0.2.1:{ten.port}").write_conf()  # nobody's address: the reload is refused, and no child is started
    ten.signal(signal.SIGHUP)
    with open(types, "w", encoding="ascii") as reload:  # waits until the master reads
        os.kill(child, signal.SIGKILL)
        ten.wait(lambda: state_of(child) == "Z", "the child to end")
        ten.server.stop()
        reload.write("text/plain txt\n")
    begun = time.monotonic()
    ten.server.process.wait(20)
    assert time.monotonic() - begun < 4.5
