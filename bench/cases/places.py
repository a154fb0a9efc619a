"""What finds the file behind a URL: listings, negotiation, rewriting. Apache and Pinion only, with one configuration."""

from pathlib import Path

from lib.loads import Wrk
from lib.model import Case, Expect
from lib.site import filler, write_file

FRONT = """\
<Directory "{docroot}">
    Options FollowSymLinks
    RewriteEngine On
    RewriteBase /
    RewriteRule ^index\\.php$ - [L]
    RewriteCond %{REQUEST_FILENAME} !-f
    RewriteCond %{REQUEST_FILENAME} !-d
    RewriteRule . /index.php [L]
</Directory>
"""
THOUSAND = "RewriteEngine On\n" + "".join(
    f"RewriteRule ^/old/{number}/(.*)$ /new/{number}/$1 [L]\n" for number in range(1000)
)
LISTED = '<Directory "{docroot}/listing">\n    Options Indexes\n    IndexOptions FancyIndexing\n</Directory>\n'
NEGOTIATED = """\
AddLanguage en .en
AddLanguage fr .fr
AddLanguage de .de
<Directory "{docroot}/languages">
    Options MultiViews
</Directory>
"""


def _listing(docroot: Path) -> None:
    for number in range(1000):
        write_file(docroot / f"listing/file-{number:04d}.txt", b"x" * number)


def _languages(docroot: Path) -> None:
    for language in ("en", "fr", "de"):
        write_file(docroot / f"languages/page.html.{language}", filler(1 << 10))


CASES = [
    Case(
        name="listing",
        title="listing of 1,000 files",
        driver=Wrk(),
        path="/listing/",
        connections=8,
        prepare=_listing,
        config={"httpd": {"modules": "autoindex", "main": LISTED}},
        only=frozenset({"httpd"}),
        order=60,
    ),
    Case(
        name="multiviews",
        title="1 KB page, negotiated among three",
        driver=Wrk(),
        path="/languages/page",
        headers={"Accept-Language": "de, en;q=0.5"},
        expect=Expect(file="languages/page.html.de"),
        prepare=_languages,
        config={"httpd": {"modules": "negotiation", "main": NEGOTIATED}},
        only=frozenset({"httpd"}),
        order=61,
    ),
    Case(
        name="rewrite-front",
        title="1 KB file beside a front controller's rules",
        driver=Wrk(),
        expect=Expect(file="1k.txt"),
        config={"httpd": {"modules": "rewrite", "main": FRONT}},
        only=frozenset({"httpd"}),
        order=62,
    ),
    Case(
        name="rewrite-1000",
        title="1 KB file behind 1,000 rules that do not match",
        driver=Wrk(),
        expect=Expect(file="1k.txt"),
        config={"httpd": {"modules": "rewrite", "main": THOUSAND}},
        only=frozenset({"httpd"}),
        order=63,
    ),
]
