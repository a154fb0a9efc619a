"""One site served by Pinion alone: the fixture `site` of the wire tests hands these out.

A Site owns a directory (document root, configuration, logs) and at most one running server.  The
methods that set it up return the site, so that a test reads as one sentence:

    site.file("ten.txt", b"0123456789").conf("MaxRanges 8").start()
"""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib import certs, http1, http2, servers

MODULES = ["mpm_event", "authz_core", "mime", "dir", "alias"]
BASE = """\
ServerRoot "{run}"
DefaultRuntimeDir "{run}"
PidFile "{run}/httpd.pid"
ErrorLog "{run}/error.log"
LogLevel info
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog "{run}/access.log" common
ServerName localhost
MaxKeepAliveRequests 0
{listen}
DocumentRoot "{root}"
TypesConfig "{run}/mime.types"
DirectoryIndex index.html
<Directory />
    Options FollowSymLinks
    AllowOverride None
</Directory>
<Directory "{root}">
    Require all granted
</Directory>
"""
TLS = """\
SSLEngine On
SSLCertificateFile "{certs}/server.crt"
SSLCertificateKeyFile "{certs}/server.key"
"""
MIME_TYPES = "text/html html\ntext/plain txt\napplication/octet-stream bin\n"
WAIT_S = 10.0


class Site:
    def __init__(self, binary, protocol="h1"):
        self.binary = binary
        self.protocol = protocol
        self.dir = Path(tempfile.mkdtemp(prefix="pinion-wire-"))
        self.dir.chmod(0o755)
        self.root = self.dir / "htdocs"
        self.root.mkdir()
        self.port = servers.free_port()
        self.listen = [f"Listen 127.0.0.1:{self.port}"]
        self.lines = []
        self.module_names = list(MODULES)
        self.client = None           # the ssl.SSLContext of clients, for a server with TLS
        self.server = servers.Server("pinion", binary, self.dir / "run", self.port)
        self.run_dir = self.server.run_dir
        (self.run_dir / "mime.types").write_text(MIME_TYPES)
        if os.geteuid() == 0:
            self.lines.append("User www-data\nGroup www-data")
        if protocol == "h1s":
            self.tls()
        if protocol == "h2":
            self.modules("http2").conf("Protocols h2c http/1.1")

    # --- setting up ---

    def file(self, path, content, mode=0o644):
        """A file below the document root."""
        if isinstance(content, str):
            content = content.encode()
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
        return self

    def conf(self, text):
        """Lines at the end of the configuration; {root}, {run} and {port} are filled in."""
        self.lines.append(text)
        return self

    def tls(self, authority=None):
        """The server speaks TLS with the certificate `server` of an authority."""
        authority = authority or certs.shared()
        self.client = authority.client()
        self.modules("ssl")
        return self.conf(TLS.replace("{certs}", str(authority.dir)))

    def modules(self, *names):
        self.module_names += [name for name in names if name not in self.module_names]
        return self

    def write_conf(self):
        """Writes httpd.conf without starting anything; its path."""
        places = {"run": self.run_dir, "root": self.root, "port": self.port}
        text = servers.load_modules(self.module_names)
        text += BASE.format(listen="\n".join(self.listen), **places)
        for lines in self.lines:
            for key, value in places.items():
                lines = lines.replace("{" + key + "}", str(value))
            text += lines + "\n"
        self.server.conf.write_text(text)
        return self.server.conf

    def start(self, *arguments, environment=None, pass_fds=()):
        self.write_conf()
        self.server.start(*arguments, environment=environment, pass_fds=pass_fds)
        return self

    # --- asking ---

    def connect(self, port=None, host="127.0.0.1", timeout_s=5.0, source=None, tls=None, name="localhost"):
        """`tls`: the context of this client, False for none; the site's own when nothing is said."""
        context = self.client if tls is None else tls or None
        if self.protocol == "h2":
            return http2.Conn((host, port or self.port), timeout_s, source)
        return http1.Conn((host, port or self.port), timeout_s, source, context, name)

    def get(self, path, headers=None, method="GET", body=b"", source=None):
        """One request on a connection of its own."""
        with self.connect(source=source) as conn:
            return conn.request(method, path, headers, body)

    def raw(self, data, method="GET"):
        """Sends bytes and returns the open connection with them on their way."""
        conn = self.connect()
        conn.send(data)
        return conn

    # --- looking inside ---

    @property
    def master(self):
        return self.server.master

    @property
    def children(self):
        return servers.children_of(self.master)

    @property
    def error_log(self):
        return self.server.error_log

    @property
    def access_log(self):
        path = self.run_dir / "access.log"
        return path.read_text("utf-8", "backslashreplace").splitlines() if path.exists() else []

    def wait(self, condition, what, timeout_s=WAIT_S):
        return servers.wait_for(condition, timeout_s, what)

    def wait_log(self, pattern, timeout_s=WAIT_S):
        """Waits until the error log holds a match."""
        try:
            return self.wait(lambda: re.search(pattern, self.error_log), pattern, timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the log:\n{self.error_log}") from None

    # --- ending, and other runs of the program ---

    def signal(self, number):
        os.kill(self.master, number)
        return self

    def run(self, *arguments, environment=None, timeout_s=20):
        """Runs the program to its end with this site's configuration."""
        return self.run_bare("-d", str(self.run_dir), "-f", str(self.server.conf), *arguments,
                             environment=environment, timeout_s=timeout_s)

    def run_bare(self, *arguments, environment=None, timeout_s=20):
        return subprocess.run([str(self.binary), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout_s,
                              env={**os.environ, **(environment or {})})

    def stop(self):
        """Ends the server; raises when something was wrong with its life or its end."""
        self.server.stop()
        complaints = self.server.reap()
        self.server.process = None
        if self.server.pid_file.exists():
            complaints.append("the pid file is still there")
        assert not complaints, "\n".join(complaints) + "\n" + self.error_log[-2000:]

    def close(self):
        """What the fixture does at the end: stop, look for remains, remove the directory."""
        try:
            if self.server.process is not None:
                self.stop()
            left = [pid for pid in self._own_processes() if servers.process_alive(pid)]
            for pid in left:
                os.kill(pid, 9)
            assert not left, f"processes {left} are left over"
        finally:
            self.server.kill()
            shutil.rmtree(self.dir, ignore_errors=True)

    def _own_processes(self):
        """Pids of processes of the program that have this site's configuration on their command
        line: daemons that `-k start` left behind."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if str(self.server.conf).encode() in command.split(b"\0"):
                    found.append(int(entry.name))
        return found
