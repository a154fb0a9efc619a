"""h2o with two threads."""

from __future__ import annotations

from lib.server import Server, Setup, find_program, first_output_line, run_as

CONFIG = """\
num-threads: 2
max-connections: {connections}
http1-request-timeout: 65
pid-file: {folder}/server.pid
error-log: {folder}/error.log
access-log:
  path: {folder}/access.log
  format: '%h %l %u %t "%r" %s %b'
{user}
{main}
{listen}
hosts:
  default:
    paths:
      "/":
        {path}
{host}
"""


class H2o(Server):
    """Its defaults beside the settings that all servers share."""

    name = "h2o"
    title = "h2o"
    family = "h2o"
    package = "h2o"
    slot_names = frozenset({"main", "listen", "path", "host"})

    def program(self) -> str | None:
        """The daemon."""
        return find_program("h2o")

    def version(self) -> str:
        """For example "h2o 2.2.5"."""
        line = first_output_line(str(self.program()), "--version")
        return "h2o " + line.rpartition("version ")[2].split("-")[0]

    def write_config(self, setup: Setup) -> None:
        """Slots: `listen` and `path` replace; `main` (top level) and `host` (a complete block of
        YAML, indented by four) are added."""
        account = run_as()
        listen = f"listen:\n  host: 127.0.0.1\n  port: {setup.port}"
        text = CONFIG.format(
            folder=setup.folder,
            connections=setup.max_connections,
            user=f"user: {account.user}" if account else "",
            listen=setup.slot("listen", listen),
            path=setup.slot("path", f"file.dir: {setup.docroot}"),
            main=setup.slot("main"),
            host=setup.slot("host"),
        )
        (setup.folder / "h2o.conf").write_text(text)

    def argv(self, setup: Setup) -> list[str]:
        """One process, in the foreground."""
        return [str(self.program()), "-m", "worker", "-c", str(setup.folder / "h2o.conf")]


SERVERS = [H2o()]
