"""Content that is made for each request: a compressed file, a CGI script, a page with ten includes."""

import gzip
from pathlib import Path

from lib.loads import Wrk
from lib.model import Case, Expect
from lib.site import filler, write_file

PAGE_PARTS = 10


def _compressed(docroot: Path) -> None:
    """Beside the text, a file as large as its compressed form: what gzip is to be measured against."""
    packed = gzip.compress(filler(100 << 10), 6, mtime=0)
    write_file(docroot / "packed.bin", packed)


def _script(docroot: Path) -> None:
    """No content: whether its end is seen in time for a length would be a matter of luck."""
    write_file(docroot / "hello.cgi", b"#!/bin/sh\nprintf 'Status: 204\\r\\n\\r\\n'\n")
    (docroot / "hello.cgi").chmod(0o755)


def _page(docroot: Path) -> None:
    parts = b"".join(b'<!--#include virtual="/part%d.txt"-->\n' % n for n in range(PAGE_PARTS))
    write_file(docroot / "page.shtml", b"<p>\n" + parts + b"</p>\n")
    for n in range(PAGE_PARTS):
        write_file(docroot / f"part{n}.txt", b"part number %d\n" % n)


HTTPD = frozenset({"httpd"})

CASES = [
    Case(
        name="gzip",
        title="100 KB of text, compressed",
        driver=Wrk(),
        path="/100k.txt",
        headers={"Accept-Encoding": "gzip"},
        prepare=_compressed,
        config={
            "httpd": {"modules": "filter deflate", "main": "AddOutputFilterByType DEFLATE text/plain"},
        },
        only=HTTPD,
        order=30,
    ),
    Case(
        name="packed",
        title="A file as large as that text compressed",
        driver=Wrk(),
        path="/packed.bin",
        prepare=_compressed,
        expect=Expect(file="packed.bin"),
        order=31,
    ),
    Case(
        name="cgi",
        title="A CGI script (a shell that says 204)",
        driver=Wrk(),
        path="/hello.cgi",
        connections=8,
        prepare=_script,
        expect=Expect(status=204, empty=True),
        config={
            "httpd": {
                "modules": "cgid",
                "main": '<Location "/hello.cgi">\nOptions +ExecCGI\nSetHandler cgi-script\n</Location>',
            },
        },
        only=HTTPD,
        order=32,
    ),
    Case(
        name="ssi",
        title="A page of ten includes",
        driver=Wrk(),
        path="/page.shtml",
        prepare=_page,
        config={
            "httpd": {
                "modules": "include",
                "main": '<Location "/page.shtml">\nOptions +Includes\nSetOutputFilter INCLUDES\nForceType text/html\n</Location>',
            },
        },
        only=HTTPD,
        order=33,
    ),
]
