"""Where a file's settings come from and who may have it: .htaccess files, many sections, many hosts, passwords."""

import time
from collections.abc import Callable
from pathlib import Path

from lib.loads import Wrk
from lib.model import Case, Expect
from lib.site import filler, write_file

HTTPD = frozenset({"httpd"})
SECTIONS = 1000
SETTLED_S = 4
HOSTS = 10_000
HTACCESS = """\
<Directory "@docroot@">
    AllowOverride All
    Options SymLinksIfOwnerMatch
</Directory>
"""
# bcrypt of "secret" with a cost of 5, as htpasswd -B makes it.
PASSWORDS = b"alice:$2y$05$ky1eVzBnLwWBzGNJtFB.0O2PXZgWqQ0DS1ueR..D6L2HmTIMHyaG6\n"
GUARDED = """\
<Directory "@docroot@">
    AuthType Basic
    AuthName "bench"
    AuthUserFile "@docroot@/passwords"
    Require valid-user
</Directory>
"""


def _folders(depth: int) -> str:
    """Names of one letter: what is compared is the depth, not the length of the log's line."""
    return "".join(f"/{chr(ord('a') + level)}" for level in range(depth))


def _tree(depth: int) -> Callable[[Path], None]:
    """A folder in a folder, each with a .htaccess; another tree for each case."""

    def prepare(docroot: Path) -> None:
        for level in range(1, depth + 1):
            folder = docroot / f"{depth}{_folders(level)}"
            write_file(folder / ".htaccess", b"AddType text/x-level-%d .l%d\n" % (level, level))
        write_file(docroot / f"{depth}{_folders(depth)}/1k.txt", filler(1 << 10))

    return prepare


def _htaccess(depth: int, order: int) -> Case:
    path = f"{depth}{_folders(depth)}/1k.txt"
    return Case(
        name=f"htaccess{depth}",
        title=f"1 KB file below {depth} folders with a .htaccess each",
        driver=Wrk(),
        path=f"/{path}",
        expect=Expect(file=path),
        prepare=_tree(depth),
        config={"httpd": {"main": HTACCESS}},
        only=HTTPD,
        order=order,
    )


def _sections() -> str:
    """None of them applies to the file."""
    parts = []
    for number in range(SECTIONS):
        parts.append(f'<Location "/place/{number}">\nAddType text/x-place .p{number}\n</Location>')
        parts.append(f'<Directory "@docroot@/place/{number}">\nAddType text/x-place .p{number}\n</Directory>')
    return "\n".join(parts)


def _hosts() -> str:
    return "\n".join(
        f'<VirtualHost *:@port@>\nServerName host{number}.example\nDocumentRoot "@docroot@"\n</VirtualHost>'
        for number in range(HOSTS)
    )


def _passwords(docroot: Path) -> None:
    """A file that was changed a moment ago is read for each request, as times of files are coarse."""
    write_file(docroot / "passwords", PASSWORDS)
    time.sleep(SETTLED_S)


CASES = [
    _htaccess(5, 80),
    _htaccess(20, 81),
    Case(
        name="sections1000",
        title="1 KB file beside 1,000 <Location> and 1,000 <Directory>",
        driver=Wrk(),
        expect=Expect(file="1k.txt"),
        config={"httpd": {"main": _sections()}},
        only=HTTPD,
        order=82,
    ),
    Case(
        name="vhosts10000",
        title="1 KB file of one of 10,000 hosts",
        driver=Wrk(),
        headers={"Host": f"host{HOSTS // 2}.example"},
        expect=Expect(file="1k.txt"),
        config={"httpd": {"main": _hosts()}},
        only=HTTPD,
        order=83,
    ),
    Case(
        name="basic-bcrypt",
        title="1 KB file with a password (bcrypt)",
        driver=Wrk(),
        headers={"Authorization": "Basic YWxpY2U6c2VjcmV0"},
        expect=Expect(file="1k.txt"),
        prepare=_passwords,
        config={
            "httpd": {"modules": "auth_basic authn_core authn_file authz_user", "main": GUARDED},
        },
        only=HTTPD,
        order=84,
    ),
]
