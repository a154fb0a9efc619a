"""Starting and stopping real servers for tests: Pinion, and Debian's Apache beside it.

A Server owns its process, its run directory (configuration, pid file, logs) and nothing else.
`stop` asks for the end, `reap` waits for it and says what was wrong: a process left over, an exit
code other than 0, a sanitizer's report on stderr.
"""
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
APACHE = Path("/usr/sbin/apache2")
APACHE_MODULES = Path("/usr/lib/apache2/modules")
SANITIZER_REPORT = re.compile(r"(==\d+==\s?ERROR: |runtime error: |LeakSanitizer)")
START_S = 15.0
STOP_S = 15.0

_next_port = None


def pinion_binary():
    """The Pinion program to test, or None while it has not been built."""
    path = Path(os.environ.get("PINION", REPO / "build" / "pinion"))
    path = path if path.is_absolute() else REPO / path
    return path if path.is_file() and os.access(path, os.X_OK) else None


def apache_binary():
    return APACHE if APACHE.is_file() else None


def load_modules(names):
    """LoadModule lines that Apache and Pinion both take."""
    return "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in names)


def wait_for(condition, timeout_s, what):
    """Poll `condition` until it is true; its value.  Raises TimeoutError that names `what`."""
    deadline = time.monotonic() + timeout_s
    pause_s = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)


def free_port(host="127.0.0.1"):
    """A five-digit port below the ephemeral range, apart for each test process."""
    global _next_port
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "gw0")) or 0)
    if _next_port is None:
        _next_port = 10000 + worker * 2500 + (os.getpid() * 7) % 2000
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(2500):
        port = _next_port
        _next_port = 10000 + worker * 2500 + (port + 1 - 10000 - worker * 2500) % 2500
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def process_alive(pid):
    """Whether `pid` runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children_of(pid):
    """The pids whose parent is `pid`, in order."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found.append(int(entry))
    return sorted(found)


class Server:
    """One server process in the foreground, with a configuration file in its run directory."""

    def __init__(self, kind, binary, run_dir, port):
        self.kind = kind             # 'apache' or 'pinion'
        self.binary = binary
        self.run_dir = Path(run_dir)
        self.port = port
        self.address = ("127.0.0.1", port)
        self.process = None
        self.family = []             # pids of children at the moment of the stop
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.run_dir.chmod(0o755)

    @property
    def conf(self):
        return self.run_dir / "httpd.conf"

    @property
    def pid_file(self):
        return self.run_dir / "httpd.pid"

    @property
    def error_log(self):
        path = self.run_dir / "error.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    @property
    def stderr(self):
        path = self.run_dir / "stderr.txt"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def start(self, *arguments, environment=None, pass_fds=()):
        """Start with the written configuration; returns once it listens."""
        command = [str(self.binary), "-d", str(self.run_dir), "-f", str(self.conf), "-DFOREGROUND",
                   *arguments]
        with open(self.run_dir / "stderr.txt", "wb") as stderr:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                env={**os.environ, **(environment or {})}, pass_fds=pass_fds,
                start_new_session=True)
        try:
            wait_for(self._started, START_S, f"{self.kind} to start")
        except Exception:
            self.kill()
            raise
        return self

    def _started(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.kind} ended with {self.process.returncode}:\n{self.stderr}\n"
                               f"{self.error_log}\n--- {self.conf}\n{self.conf.read_text()}")
        return self.pid_file.exists() and self.pid_file.stat().st_size > 1

    @property
    def master(self):
        return int(self.pid_file.read_text())

    @property
    def children(self):
        return children_of(self.process.pid)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ask for the end; does not wait."""
        if self.process is not None and self.process.poll() is None:
            self.family = self.children
            self.process.terminate()

    def reap(self):
        """Wait for the end; a list of complaints, empty when it ended well."""
        if self.process is None:
            return []
        complaints = []
        try:
            code = self.process.wait(STOP_S)
            if code != 0:
                complaints.append(f"{self.kind} ended with {code}")
        except subprocess.TimeoutExpired:
            complaints.append(f"{self.kind} did not end {STOP_S} s after SIGTERM")
        left = [pid for pid in self.family if process_alive(pid)]
        if left:
            complaints.append(f"{self.kind} left processes {left}")
        self.kill()
        if SANITIZER_REPORT.search(self.stderr):
            complaints.append(f"sanitizer report:\n{self.stderr}")
        return complaints

    def kill(self):
        """The end at once, of the whole process group that this server leads."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
