"""logresolve: names for the addresses of a log, beside Apache's program and alone."""
import shutil
import subprocess

import pytest

from lib import servers
from lib.dns import DnsServer

APACHE = shutil.which("logresolve", path="/usr/bin:/usr/sbin")


@pytest.fixture
def program():
    binary = servers.pinion_binary()
    path = binary.parent / "src/cmd/logresolve" if binary else None
    if path is None or not path.exists():
        pytest.skip("logresolve is not built")
    return path


@pytest.fixture
def dns():
    with DnsServer() as server:
        yield server


def run(program, log, *arguments, status=0):
    result = subprocess.run([str(program), *arguments], input=log, capture_output=True, timeout=60)
    assert result.returncode == status, result.stderr
    return result.stdout


def figures(path):
    return {key.strip(" -"): int(value) for key, value in
            (line.split(":") for line in path.read_text().splitlines()[1:])}


def test_the_same_as_apaches(program):
    if not APACHE:
        pytest.skip("Apache's logresolve is not installed")
    log = b"".join([b'127.0.0.1 - - [x] "GET / HTTP/1.0" 200 5\n', b"name.example - -\n", b"\n", b"127.0.0.1\n",
                    b"127.0.0.1  two blanks\n", b" 127.0.0.1 later\n", b"127.0.0.999 x\n", b"127.0.0.1\ttab\n",
                    b"127.0.0.1,x\n", b"foo\n", b"127.0.0.1 and no end"])
    assert run(program, log) == run(APACHE, log)
    assert run(program, log, "-c") == run(APACHE, log, "-c")


def test_names_in_the_order_of_the_lines(program, dns):
    for last in range(1, 51):
        dns.host(f"h{last}.example", f"192.0.2.{last}")
    dns.hold("192.0.2.1")
    lines = [f"192.0.2.{1 + n % 50} line {n}\n" for n in range(2000)]
    process = subprocess.Popen([str(program), "-n", dns.address, "-j", "10", "-t", "60"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    process.stdin.write("".join(lines[:600]).encode())
    process.stdin.flush()
    servers.wait_for(lambda: dns.questions("192.0.2.50") == 1, 20, "the others to be asked for")
    dns.release("192.0.2.1")                      # only now the first line has a name
    out, _ = process.communicate("".join(lines[600:]).encode(), timeout=60)
    assert out.decode() == "".join(f"h{1 + n % 50}.example line {n}\n" for n in range(2000))
    assert all(dns.questions(f"192.0.2.{last}") == 1 for last in range(1, 51))


def test_figures_and_names_both_ways(program, dns, tmp_path):
    dns.host("true.example", "192.0.2.1").host("six.example", "2001:db8::6")
    dns.ptr("192.0.2.2", "liar.example").a("liar.example", "192.0.2.9").fails("192.0.2.4")
    log = b"192.0.2.1 a\n192.0.2.2 b\n192.0.2.3 c\n192.0.2.4 d\n2001:db8::6 e\n192.0.2.1 f\nname g\n"
    stats = tmp_path / "stats"
    assert run(program, log, "-n", dns.address, "-s", str(stats)) == \
        b"true.example a\nliar.example b\n192.0.2.3 c\n192.0.2.4 d\nsix.example e\ntrue.example f\nname g\n"
    assert figures(stats) == {"Entries": 7, "With name": 1, "Resolves": 5, "No reverse": 2, "Cache hits": 1,
                              "Cache size": 5}
    assert run(program, log, "-c", "-n", dns.address, "-s", str(stats)).splitlines()[1] == b"192.0.2.2 b"
    assert figures(stats)["Double lookup failed"] == 1


def test_names_that_are_none_are_not_taken(program, dns):
    dns.add("PTR", "1.2.0.192.in-addr.arpa", b"\7a\n1.2.3\7example\0").add("PTR", "2.2.0.192.in-addr.arpa", b"\3a b\0")
    log = b"192.0.2.1 x\n192.0.2.2 y\n"
    assert run(program, log, "-n", dns.address) == log


def test_a_dead_server_ends(program, dns):
    dns.is_dead("192.0.2.1").host("two.example", "192.0.2.2")
    assert run(program, b"192.0.2.1 x\n192.0.2.2 y\n", "-n", dns.address, "-t", "1") == b"192.0.2.1 x\ntwo.example y\n"


def test_long_lines_and_odd_bytes(program, dns):
    dns.host("one.example", "192.0.2.1")
    log = b"192.0.2.1 \0\xff nul\n192.0.2.1 " + b"x" * 200000 + b"\n192.0.2.1 after\n"
    assert run(program, log, "-n", dns.address) == b"one.example \0\xff nul\n192.0.2.1 " + b"x" * 200000 + \
        b"\none.example after\n"


@pytest.mark.parametrize("arguments", [["-x"], ["-j", "0"], ["-j", "many"], ["-t", "-1"], ["-s", "/nonexistent/x"], ["log"],
                                       ["-n", "no.address"]])
def test_arguments_that_are_wrong(program, arguments):
    assert run(program, b"", *arguments, status=1) == b""
