"""Who the client is: its host name looked up for the log, and its address compared with many networks."""

from lib.loads import Wrk
from lib.model import Case, Expect

NETWORKS = 10_000
NETWORKS_A_LINE = 100


def _networks() -> str:
    """Networks none of which holds the client, and in the end the one that does."""
    words = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(NETWORKS - 1)]
    lines = [
        "    Require ip " + " ".join(words[at : at + NETWORKS_A_LINE])
        for at in range(0, len(words), NETWORKS_A_LINE)
    ]
    return '<Directory "@docroot@">\n' + "\n".join(lines) + "\n    Require ip 127.0.0.0/8\n</Directory>\n"


CASES = [
    Case(
        name="hostname",
        title="1 KB file, the client's host name in the log",
        driver=Wrk(),
        path="/1k.txt",
        expect=Expect(file="1k.txt"),
        config={"httpd": {"main": "HostnameLookups On"}},
        only=frozenset({"httpd"}),
        order=60,
    ),
    Case(
        name="require-ip",
        title="1 KB file, for clients of 10,000 networks",
        driver=Wrk(),
        path="/1k.txt",
        expect=Expect(file="1k.txt"),
        config={"httpd": {"modules": "authz_host", "main": _networks()}},
        only=frozenset({"httpd"}),
        order=61,
    ),
]
