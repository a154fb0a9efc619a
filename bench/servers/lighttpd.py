"""lighttpd with two workers."""

from __future__ import annotations

from lib.server import Server, Setup, find_program, first_output_line, run_as

CONFIG = """\
server.modules = ( "mod_accesslog" )
{modules}
server.document-root = "{docroot}"
{listen}
server.pid-file = "{folder}/server.pid"
server.errorlog = "{folder}/error.log"
server.upload-dirs = ( "{folder}" )
server.max-worker = 2
server.max-fds = {descriptors}
server.max-connections = {connections}
server.max-keep-alive-idle = 65
server.max-keep-alive-requests = 1000000000
accesslog.filename = "{folder}/access.log"
accesslog.format = "%h %l %u %t \\"%r\\" %>s %b"
mimetype.assign = ( ".txt" => "text/plain", ".html" => "text/html" )
{user}
{main}
"""


class Lighttpd(Server):
    """Its defaults beside the settings that all servers share."""

    name = "lighttpd"
    title = "lighttpd"
    family = "lighttpd"
    package = "lighttpd"
    slot_names = frozenset({"modules", "listen", "main"})

    def program(self) -> str | None:
        """The daemon."""
        return find_program("lighttpd")

    def version(self) -> str:
        """For example "lighttpd 1.4.69"."""
        return first_output_line(str(self.program()), "-v").split(" ")[0].replace("/", " ")

    def write_config(self, setup: Setup) -> None:
        """Slots: `modules` lists more ("mod_rewrite"), `listen` replaces host and port, `main`."""
        account = run_as()
        names = setup.slot("modules").split()
        listen = f'server.bind = "127.0.0.1"\nserver.port = {setup.port}'
        text = CONFIG.format(
            folder=setup.folder,
            docroot=setup.docroot,
            descriptors=setup.max_connections + 512,
            connections=setup.max_connections,
            modules="\n".join(f'server.modules += ( "{name}" )' for name in names),
            listen=setup.slot("listen", listen),
            user=f'server.username = "{account.user}"' if account else "",
            main=setup.slot("main"),
        )
        (setup.folder / "lighttpd.conf").write_text(text)

    def argv(self, setup: Setup) -> list[str]:
        """Foreground."""
        return [str(self.program()), "-D", "-f", str(setup.folder / "lighttpd.conf")]


SERVERS = [Lighttpd()]
