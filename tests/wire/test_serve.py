"""`pinion serve DIR`: a folder on the local machine, without a configuration."""
import re
import signal
import subprocess

import pytest

from lib import http1, servers


@pytest.fixture
def folder(site):
    site.file("index.html", b"<p>start</p>").file("style.css", b"p { }").file("sub/a file.txt", b"text")
    return site


class Serving:
    """The program running on a folder until the block ends; `.port` is the one it named."""

    def __init__(self, site, *arguments):
        self.command = [str(site.binary), "serve", str(site.root), *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.line)
        assert found, self.line
        self.port = int(found.group(1))
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.rest = self.process.communicate(timeout=10)[0]
        assert self.process.returncode == 0, self.rest

    def get(self, path):
        with http1.Conn(("127.0.0.1", self.port)) as conn:
            return conn.request("GET", path)


def test_folder_is_served(folder):
    with Serving(folder, "--port", str(folder.port)) as serving:
        assert serving.port == folder.port
        assert str(folder.root) in serving.line
        start = serving.get("/")
        assert (start.status, start.body) == (200, b"<p>start</p>")
        assert start.headers["Content-Type"].startswith("text/html")
        assert serving.get("/style.css").headers["Content-Type"].startswith("text/css")
        listing = serving.get("/sub/")
        assert (listing.status, b"a file.txt" in listing.body) == (200, True)
        assert serving.get("/sub/a%20file.txt").body == b"text"
        assert serving.get("/nothing").status == 404
    assert '"GET /style.css HTTP/1.1" 200 5' in serving.rest


def test_next_free_port(folder):
    with Serving(folder) as one, Serving(folder) as two:
        assert 8080 <= one.port < two.port
        assert two.get("/").status == 200


def test_port_that_is_taken(folder):
    with Serving(folder) as serving:
        result = folder.run_bare("serve", str(folder.root), "--port", str(serving.port))
    assert result.returncode == 1
    assert str(serving.port) in result.stderr


@pytest.mark.parametrize("arguments", [["/nothing/at/all"], [], ["/tmp", "--port", "x"], ["/tmp", "/tmp"]])
def test_wrong_arguments(site, arguments):
    result = site.run_bare("serve", *arguments)
    assert result.returncode == 1
    assert result.stderr


def test_name_that_needs_quoting(site):
    odd = site.root / 'a "b" ${c} \\d'
    odd.mkdir()
    (odd / "x.txt").write_text("odd")
    site.root = odd
    with Serving(site, "--port", str(servers.free_port())) as serving:
        assert serving.get("/x.txt").body == b"odd"
