"""nginx, plain and with its cache of open files."""

from __future__ import annotations

from lib.server import Server, Setup, find_program, first_output_line, run_as

CONFIG = """\
daemon off;
worker_processes 2;
worker_rlimit_nofile {descriptors};
pid {folder}/server.pid;
error_log {folder}/error.log warn;
{user}
{main}
events {{
    worker_connections {connections};
}}
http {{
    types {{ text/plain txt; text/html html; }}
    default_type application/octet-stream;
    log_format common '$remote_addr - $remote_user [$time_local] '
                      '"$request" $status $body_bytes_sent';
    access_log {folder}/access.log common;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    {cache}
    {http}
    server {{
        {listen}
        server_name localhost;
        root {docroot};
        {server}
        location / {{
            {location}
        }}
    }}
}}
"""
OPEN_FILE_CACHE = """open_file_cache max=10000 inactive=60s;
    open_file_cache_valid 60s;
    open_file_cache_errors on;"""


class Nginx(Server):
    """Two workers, files sent with sendfile, as Debian configures it."""

    name = "nginx"
    title = "nginx"
    family = "nginx"
    package = "nginx-light"
    slot_names = frozenset({"main", "http", "listen", "server", "location"})
    cache = ""

    def program(self) -> str | None:
        """The daemon."""
        return find_program("nginx")

    def version(self) -> str:
        """For example "nginx 1.22.1"."""
        line = first_output_line(str(self.program()), "-v")
        return "nginx " + line.rpartition("nginx/")[2].split()[0]

    def write_config(self, setup: Setup) -> None:
        """Slots: `main`, `http`, `server`, `location` are added; `listen` replaces the line."""
        account = run_as()
        text = CONFIG.format(
            folder=setup.folder,
            docroot=setup.docroot,
            descriptors=setup.max_connections + 512,
            connections=setup.max_connections,
            user=f"user {account.user};" if account else "",
            cache=self.cache,
            listen=setup.slot("listen", f"listen 127.0.0.1:{setup.port};"),
            main=setup.slot("main"),
            http=setup.slot("http"),
            server=setup.slot("server"),
            location=setup.slot("location"),
        )
        (setup.folder / "nginx.conf").write_text(text)

    def argv(self, setup: Setup) -> list[str]:
        """The option -e keeps it off the system's error log while it reads the configuration."""
        folder = setup.folder
        return [
            str(self.program()), "-p", str(folder), "-c", str(folder / "nginx.conf"),
            "-e", str(folder / "error.log"),
        ]


class NginxOpenFileCache(Nginx):
    """With open files, and their absence, remembered for a minute."""

    name = "nginx-ofc"
    title = "nginx + open_file_cache"
    cache = OPEN_FILE_CACHE


SERVERS = [Nginx(), NginxOpenFileCache()]
