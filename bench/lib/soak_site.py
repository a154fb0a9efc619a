"""The site of bench/soak: a corner for each feature, and the server that serves it."""
import base64
import crypt
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

MODULES = ["authz_core", "authn_core", "authn_file", "authz_user", "auth_basic", "mime", "dir", "alias", "rewrite",
           "autoindex", "cgi", "include", "filter", "deflate", "headers", "expires", "setenvif", "negotiation", "env",
           "log_config"]
THREADS = 16
CONF = """\
ServerRoot "{run}"
DefaultRuntimeDir "{run}"
PidFile "{run}/httpd.pid"
ErrorLog "{run}/error.log"
LogLevel warn
ServerName localhost
Listen 127.0.0.1:{port}
{user}
LogFormat "%h %t \\"%r\\" %>s %b" common
CustomLog /dev/null common
StartServers 2
MinSpareServers 2
ThreadsPerChild {threads}
MaxRequestWorkers 64
KeepAliveTimeout 5
MaxKeepAliveRequests 0
DocumentRoot "{root}"
DirectoryIndex index.html
TypesConfig "{run}/mime.types"
AddHandler cgi-script .cgi
AddLanguage en .en
AddLanguage de .de
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
ErrorDocument 404 /errors/missing.html
<Directory "{root}">
    Require all granted
    Options FollowSymLinks Indexes ExecCGI Includes MultiViews
    AllowOverride All
</Directory>
<Location "/packed">
    SetOutputFilter DEFLATE
</Location>
<Location "/private">
    AuthType Basic
    AuthName soak
    AuthUserFile "{run}/users"
    Require valid-user
</Location>
RewriteEngine On
RewriteRule "^/old/(.*)$" "/static/$1" [PT]
RewriteRule "^/away/(.*)$" "http://elsewhere.test/$1" [R=302,L]
"""


class Soak:
    """The server and its directory."""

    def __init__(self, binary, model, directory):
        self.binary, self.run = binary, Path(directory) / "run"
        self.root = Path(directory) / "htdocs"
        Path(directory).chmod(0o755)
        self.run.mkdir()
        self._fill()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        text = "".join(f"LoadModule {name}_module modules/mod_{name}.so\n" for name in [f"mpm_{model}", *MODULES])
        (self.run / "httpd.conf").write_text(text + CONF.format(run=self.run, root=self.root, port=self.port, user=user,
                                                              threads=THREADS))
        self.process = None

    def _file(self, path, content, mode=0o644):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)

    def _fill(self):
        for n in range(64):
            self._file(f"static/{n}.txt", f"{n} ".encode() * (8 << n % 10))
        self._file("static/big.bin", bytes(4 * 1024 * 1024))
        self._file("packed/page.html", "<p>text that packs well</p>\n" * 400)
        self._file("private/index.html", "inside\n")
        self._file("deep/a/b/page.txt", "deep\n")
        for place in ("deep", "deep/a", "deep/a/b"):
            self._file(f"{place}/.htaccess", f"SetEnv PLACE {place}\nHeader set X-Place {place}\n")
        self._file("listed/one.txt", "1")
        self._file("listed/two.txt", "2")
        self._file("page.shtml", '<!--#echo var="DATE_LOCAL" --> <!--#include virtual="/static/1.txt" -->\n')
        self._file("said.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ncat\nprintf done\n", 0o755)
        self._file("failing.cgi", "#!/bin/sh\nexit 1\n", 0o755)
        self._file("choice.html.en", "english\n")
        self._file("choice.html.de", "deutsch\n")
        self._file("errors/missing.html", "nothing there\n")
        (self.run / "mime.types").write_text("text/html html\ntext/plain txt\n")
        (self.run / "users").write_text("alice:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_SHA256, rounds=1000)) + "\n")

    authorization = "Basic " + base64.b64encode(b"alice:secret").decode()

    def start(self):
        self.process = subprocess.Popen([str(self.binary), "-d", str(self.run), "-f", "httpd.conf", "-DFOREGROUND"],
                                        stdin=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not (self.run / "httpd.pid").exists() or not (self.run / "httpd.pid").read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server did not start: " + self.log())
            time.sleep(0.02)

    def log(self):
        path = self.run / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _listener(self):
        """How the listening socket is named in /proc/PID/fd."""
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            field = line.split()
            if field[3] == "0A" and int(field[1].rpartition(":")[2], 16) == self.port:
                return f"socket:[{field[9]}]"
        return None

    @property
    def children(self):
        """Processes that accept: the helper that starts programs is none of them, nor are children that leave."""
        found, listener = [], self._listener()
        for entry in os.listdir("/proc"):
            if entry.isdigit() and self._parent(entry) == self.process.pid and listener in self._open_files(entry):
                found.append(int(entry))
        return sorted(found)

    @staticmethod
    def _parent(pid):
        try:
            return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return None

    @staticmethod
    def _open_files(pid):
        found = set()
        try:
            for number in os.listdir(f"/proc/{pid}/fd"):
                found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            pass
        return found

    def restart(self):
        """A graceful one, until the earlier children have ended; they may have connections for some seconds."""
        before = self.children
        self.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 20
        while any(self._parent(pid) == self.process.pid for pid in before):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)
