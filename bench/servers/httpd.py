"""Apache httpd with each of its process models, and Pinion, which reads the same configuration."""

from __future__ import annotations

import math
import re
from pathlib import Path

from lib.server import Server, Setup, find_program, first_output_line, run_as

APACHE_MODULES = Path("/usr/lib/apache2/modules")
PINION = Path(__file__).resolve().parents[2] / "build" / "pinion"
COMMON_MODULES = ("authz_core", "dir", "mime")
PINION_MODULES = ("unixd", "log_config")
"""Compiled into Debian's Apache, where LoadModule would complain."""

CONFIG = """\
ServerRoot "{folder}"
PidFile "{folder}/server.pid"
ServerName localhost
{modules}
{user}
{model}
ErrorLog "{folder}/error.log"
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog "{folder}/access.log" common
TypesConfig "{folder}/mime.types"
Timeout 60
KeepAlive On
KeepAliveTimeout 65
MaxKeepAliveRequests 0
{listen}
DocumentRoot "{docroot}"
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory "{docroot}">
    Require all granted
</Directory>
{main}
"""


def _load(names: list[str]) -> str:
    return "\n".join(
        f'LoadModule {name}_module "{APACHE_MODULES}/mod_{name}.so"' for name in names
    )


class Httpd(Server):
    """What Apache and Pinion share: the configuration."""

    family = "httpd"
    slot_names = frozenset({"modules", "listen", "model", "main"})
    model_module = ""
    static_modules: tuple[str, ...] = ()

    def model(self, setup: Setup) -> str:
        """Directives of the process model."""
        raise NotImplementedError

    def write_config(self, setup: Setup) -> None:
        """The slot `modules` names further modules ("headers rewrite"); `model` replaces the
        process model's directives, `listen` the Listen line, `main` is put at the end,
        with the document root for {docroot}."""
        modules = [self.model_module, *self.static_modules, *COMMON_MODULES]
        modules += setup.slot("modules").split()
        account = run_as()
        text = CONFIG.format(
            folder=setup.folder,
            docroot=setup.docroot,
            modules=_load(modules),
            user=f"User {account.user}\nGroup {account.group}" if account else "",
            model=setup.slot("model", self.model(setup)),
            listen=setup.slot("listen", f"Listen 127.0.0.1:{setup.port}"),
            main=setup.slot("main").replace("{docroot}", str(setup.docroot)),
        )
        (setup.folder / "httpd.conf").write_text(text)

    def argv(self, setup: Setup) -> list[str]:
        """The master stays in the foreground."""
        return [str(self.program()), "-f", str(setup.folder / "httpd.conf"), "-DFOREGROUND"]


class Apache(Httpd):
    """Debian's Apache."""

    package = "apache2-bin"

    def program(self) -> str | None:
        """The daemon itself, without Debian's wrapper."""
        return find_program("apache2")

    def version(self) -> str:
        """For example "Apache 2.4.62"."""
        found = re.search(r"Apache/(\S+)", first_output_line(str(self.program()), "-v"))
        return f"Apache {found.group(1) if found else '?'}"


class ApacheEvent(Apache):
    """The event model, two children."""

    name = "apache-event"
    title = "Apache event"
    model_module = "mpm_event"

    def model(self, setup: Setup) -> str:
        """A child whose threads are all busy closes kept-alive connections: each of the two has
        enough for all of the load. The factor admits the connections that wait."""
        threads = min(setup.connections, 128) + 16
        factor = max(2, math.ceil(setup.max_connections / threads))
        return (
            f"StartServers 2\nThreadLimit {threads}\nThreadsPerChild {threads}\n"
            f"MinSpareThreads 25\nMaxSpareThreads {3 * threads}\n"
            f"MaxRequestWorkers {4 * threads}\nAsyncRequestWorkerFactor {factor}"
        )


class ApacheWorker(Apache):
    """The worker model, with a thread for each of the load's connections."""

    name = "apache-worker"
    title = "Apache worker"
    model_module = "mpm_worker"
    max_idle_connections = 300

    def model(self, setup: Setup) -> str:
        """Enough threads from the start: no thread is made in a measured run."""
        threads = min(setup.connections, self.max_idle_connections)
        return f"StartServers {threads // 25 + 2}\nMaxSpareThreads 400\nMaxRequestWorkers 400"


class ApachePrefork(Apache):
    """The prefork model, with a process for each of the load's connections."""

    name = "apache-prefork"
    title = "Apache prefork"
    model_module = "mpm_prefork"
    max_idle_connections = 200

    def model(self, setup: Setup) -> str:
        """Enough processes from the start: no process is made in a measured run."""
        children = min(setup.connections, self.max_idle_connections) + 8
        return (
            f"StartServers {children}\nMaxSpareServers {children}\n"
            f"ServerLimit {max(256, children)}\nMaxRequestWorkers {max(256, children)}"
        )


class Pinion(Httpd):
    """The server of this project, from build/."""

    name = "pinion"
    title = "Pinion"
    model_module = "mpm_event"
    static_modules = PINION_MODULES

    def program(self) -> str | None:
        """The release build that `make` leaves."""
        return str(PINION) if PINION.exists() else None

    def missing(self) -> str | None:
        """There is no package to name."""
        return None if self.program() else "build/pinion is not built (run make)"

    def version(self) -> str:
        """For example "Pinion 0.1.0"."""
        found = re.search(r"Pinion/(\S+)", first_output_line(str(self.program()), "-v"))
        return f"Pinion {found.group(1)}" if found else "Pinion"

    def model(self, setup: Setup) -> str:
        """Its own default: children for the cores."""
        return ""


SERVERS = [Pinion(), ApacheEvent(), ApacheWorker(), ApachePrefork()]
