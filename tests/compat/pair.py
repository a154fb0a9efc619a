"""The two servers of a configuration: builds the site's files, writes both configurations, starts
them, and hands them to cases that share it.

A Pair owns one site directory (document root common to both) and its servers.  Pairs keeps the few
last used ones running and ends the others without waiting; `close` waits for all.
"""
import os
import shutil
import tempfile
from pathlib import Path

from compat import casefile
from lib import certs, servers

ALWAYS = ["mpm_event", "authz_core"]
KEEP = 3
BASE = """\
ServerRoot "${RUN}"
DefaultRuntimeDir "${RUN}"
PidFile "${RUN}/httpd.pid"
ErrorLog "${RUN}/error.log"
LogLevel info
ServerName www.example.test
StartServers 1
MinSpareThreads 1
MaxSpareThreads 32
ThreadsPerChild 16
MaxRequestWorkers 16
Timeout 10
KeepAliveTimeout 5
Listen 127.0.0.1:${PORT}
DocumentRoot "${ROOT}"
<Directory />
    Options FollowSymLinks
    AllowOverride None
</Directory>
"""
ROOT_ONLY = """\
User www-data
Group www-data
"""
WITH_MIME = """\
TypesConfig "${SITE}/mime.types"
"""
MIME_TYPES = """\
text/html html htm
text/plain txt
text/css css
image/png png
image/gif gif
application/json json
application/pdf pdf
application/gzip gz
application/octet-stream bin
"""


class Pair:
    def __init__(self, case):
        self.site = Path(tempfile.mkdtemp(prefix="pinion-compat-"))
        self.site.chmod(0o755)
        self.root = self.site / "htdocs"
        self.servers = []
        self._make_files(case.files)
        try:
            for kind, binary in kinds():
                self._start(kind, binary, case)
        except Exception:
            for server in self.servers:
                server.kill()
            shutil.rmtree(self.site, ignore_errors=True)
            raise

    def _make_files(self, entries):
        self.root.mkdir()
        (self.site / "mime.types").write_text(MIME_TYPES)
        for entry in entries:
            path = Path(os.path.normpath(self.root / entry.path))
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry.link:
                places = {"SITE": self.site, "ROOT": self.root}
                path.symlink_to(casefile.substitute(entry.link, places))
            elif entry.path.endswith("/"):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(entry.content)
        for entry in entries:
            if not entry.link:
                path = Path(os.path.normpath(self.root / entry.path))
                searchable = entry.path.endswith("/") and entry.mode & 0o400
                path.chmod(entry.mode | 0o111 if searchable else entry.mode)
                os.utime(path, (entry.mtime_s, entry.mtime_s))

    def _start(self, kind, binary, case):
        run_dir = self.site / kind
        ports = [servers.free_port() for _ in range(case.ports)]
        server = servers.Server(kind, binary, run_dir, ports[0])
        server.ports = ports
        server.conf.write_text(self._configuration(server, case))
        self.servers.append(server)
        server.start()

    def variables(self, server):
        values = {"PORT": server.port, "ROOT": self.root, "SITE": self.site, "RUN": server.run_dir,
                  "LOG": server.run_dir / "access.log", "CERTS": certs.shared().dir}
        for number, port in enumerate(server.ports[1:], 2):
            values[f"PORT{number}"] = port
        return values

    def _configuration(self, server, case):
        modules = list(dict.fromkeys(ALWAYS + case.modules))
        text = servers.load_modules(modules) + BASE
        if os.geteuid() == 0:
            text += ROOT_ONLY
        if "mime" in modules:
            text += WITH_MIME
        return casefile.substitute(text + case.config, self.variables(server))

    def alive(self):
        return all(server.process.poll() is None for server in self.servers)

    def stop(self):
        for server in self.servers:
            server.stop()

    def reap(self):
        complaints = [line for server in self.servers for line in server.reap()]
        shutil.rmtree(self.site, ignore_errors=True)
        return complaints


class Pairs:
    def __init__(self):
        self.running = {}            # key -> Pair, least recently used first
        self.stopping = []

    def get(self, case):
        pair = self.running.pop(case.key, None)
        if pair is not None and not pair.alive():
            self.stopping.append(pair)
            pair = None
        if pair is None:
            pair = Pair(case)
        self.running[case.key] = pair
        while len(self.running) > KEEP:
            oldest = next(iter(self.running))
            self._end(self.running.pop(oldest))
        return pair

    def _end(self, pair):
        pair.stop()
        self.stopping.append(pair)

    def close(self):
        """Ends all; the complaints of all."""
        for pair in self.running.values():
            self._end(pair)
        self.running.clear()
        return [line for pair in self.stopping for line in pair.reap()]


def kinds():
    """[(kind, binary)] of the servers to run: PINION_COMPAT_ONLY names one, default both."""
    only = os.environ.get("PINION_COMPAT_ONLY", "")
    found = [("apache", servers.apache_binary()), ("pinion", servers.pinion_binary())]
    return [(kind, binary) for kind, binary in found if binary and only in ("", kind)]
