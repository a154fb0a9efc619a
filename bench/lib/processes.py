"""What a child for each connection costs: memory of idle children, and the time until a server answers.

Pinion and Apache httpd, both with the prefork model and one file. The memory is the proportional set size of the children, in
which a page that n processes share counts for 1/n; the libraries of both are also mapped by nobody else here."""
import argparse
import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APACHE_MODULES = Path("/usr/lib/apache2/modules")
REQUESTS_A_CHILD = 20
PATIENCE_S = 20
CONF = """\
ServerName localhost
ServerRoot "{run}"
Listen 127.0.0.1:{port}
{modules}
{user}
PidFile "{run}/pid"
ErrorLog "{run}/error.log"
CustomLog "{run}/access.log" "%h %l %u %t \\"%r\\" %>s %b"
DocumentRoot "{run}/htdocs"
<Directory "{run}/htdocs">
    Require all granted
</Directory>
TypesConfig /etc/mime.types
StartServers {n}
MinSpareServers {n}
MaxSpareServers {n}
MaxRequestWorkers {n}
KeepAliveTimeout 30
"""
MODULES = ("mpm_prefork", "unixd", "authz_core", "log_config", "mime", "dir", "alias")
BUILT_IN = ("unixd", "log_config")  # of Debian's apache2: see apache2 -l


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def children_of(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(word) for word in text.split()]


def figure(pid, name):
    """Kilobytes, of /proc/PID/smaps_rollup."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise LookupError(name)


def lines_of_modules(names, folder):
    return "\n".join(f"LoadModule {name}_module {folder}/mod_{name}.so" for name in names)


class Server:
    """One of the two, in a directory of its own."""

    def __init__(self, name, program, n, folder):
        self.name, self.n = name, n
        self.run = Path(tempfile.mkdtemp(prefix="pinion-bench-"))
        self.run.chmod(0o755)
        (self.run / "htdocs").mkdir()
        (self.run / "htdocs" / "ten.txt").write_bytes(b"0123456789")
        self.port = free_port()
        wanted = [m for m in MODULES if name == "pinion" or m not in BUILT_IN]
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        (self.run / "httpd.conf").write_text(CONF.format(run=self.run, port=self.port, n=n, user=user,
                                                         modules=lines_of_modules(wanted, folder)))
        self.command = [str(program), "-d", str(self.run), "-f", str(self.run / "httpd.conf"), "-DFOREGROUND"]
        self.process = None
        self.first_answer_s = None

    def __enter__(self):
        """Starts it. `first_answer_s` is the time from the start of the program to an answer."""
        begun = time.monotonic()
        # A session of its own: Apache's master ends its whole process group.
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        while True:
            try:
                self.ask(self.connect())
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() - begun > PATIENCE_S:
                    raise RuntimeError(f"{self.name} does not serve") from None
                time.sleep(0.0005)
        self.first_answer_s = time.monotonic() - begun
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        shutil.rmtree(self.run)

    def connect(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        conn.connect()
        return conn

    @staticmethod
    def ask(conn):
        conn.request("GET", "/ten.txt")
        answer = conn.getresponse()
        if answer.status != 200 or answer.read() != b"0123456789":
            raise RuntimeError(f"a wrong answer: {answer.status}")

    def exercise(self):
        """Each child serves some requests, on a connection that is then closed."""
        while len(children_of(self.process.pid)) < self.n:
            time.sleep(0.01)
        conns = [self.connect() for _ in range(self.n)]
        for _ in range(REQUESTS_A_CHILD):
            for conn in conns:
                self.ask(conn)
        for conn in conns:
            conn.close()
        time.sleep(0.5)

    def figures(self):
        pids = children_of(self.process.pid)
        return {name: statistics.mean(figure(pid, name) for pid in pids) for name in ("Pss", "Private_Dirty")}


def measure(name, program, n, folder, rounds):
    starts, memory = [], {}
    for i in range(rounds):
        with Server(name, program, n, folder) as server:
            starts.append(server.first_answer_s * 1000)
            if i == 0:
                server.exercise()
                memory = server.figures()
    print(f"| {name} | {memory['Pss']:.0f} | {memory['Private_Dirty']:.0f} | {statistics.median(starts):.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / "build" / "pinion", help="Pinion's program")
    parser.add_argument("--children", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5, help="starts of each server")
    args = parser.parse_args()
    apache = shutil.which("apache2")
    print(f"| server, {args.children} children | PSS KB/child | private KB/child | first answer, ms |\n| --- | --- | --- | --- |")
    measure("pinion", args.program, args.children, "modules", args.rounds)
    if apache:
        measure("apache2", apache, args.children, APACHE_MODULES, args.rounds)
    else:
        print("apache2 is not installed", file=sys.stderr)
    return 0
