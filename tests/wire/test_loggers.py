"""The small loggers: mod_log_forensic and mod_log_debug."""
import os
import re
import signal
import time

import pytest

from lib import servers


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


def forensic(site, count):
    path = site.run_dir / "forensic.log"
    site.wait(lambda: path.exists() and path.read_bytes().count(b"\n") >= count, f"{count} lines")
    return path.read_bytes().split(b"\n")[:-1]


# --- mod_log_forensic ---

def test_a_line_before_and_a_line_after(ten):
    ten.modules("log_forensic").conf('ForensicLog "{run}/forensic.log"\nCustomLog "{run}/id.log" "%{forensic-id}n"').start()
    ten.get("/ten.txt?a|b", {"X-A": "1%:2"})
    before, after = forensic(ten, 2)
    match = re.fullmatch(rb"\+(\d+:[0-9a-f]+:[0-9a-f]+)\|GET /ten\.txt\?a%7cb HTTP/1\.1\|(.*)", before)
    assert match and after == b"-" + match.group(1)
    assert b"|X-A:1%25%3a2" in before
    ten.wait(lambda: (ten.run_dir / "id.log").exists() and (ten.run_dir / "id.log").read_bytes().strip(), "the note")
    assert (ten.run_dir / "id.log").read_bytes().strip() == match.group(1)


def test_request_that_kills_its_child_has_one_line(ten):
    ten.modules("log_forensic", "reflector").conf(
        'ForensicLog "{run}/forensic.log"\nStartServers 1\n<Location /echo>\nSetHandler reflector\n</Location>').start()
    ten.get("/ten.txt")
    conn = ten.connect()
    conn.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nx")
    lines = forensic(ten, 3)
    os.kill(int(lines[2][1:].split(b":")[0]), signal.SIGKILL)
    ten.wait(lambda: ten.get("/ten.txt").status == 200, "another child")
    lines = forensic(ten, 5)
    begun = [line[1:].split(b"|")[0] for line in lines if line.startswith(b"+")]
    ended = [line[1:] for line in lines if line.startswith(b"-")]
    assert [i for i in begun if i not in ended] == [lines[2][1:].split(b"|")[0]]
    conn.close()


def test_unique_id_is_the_name_when_there_is_one(ten):
    ten.modules("log_forensic", "unique_id").conf('ForensicLog "{run}/forensic.log"').start()
    ten.get("/ten.txt")
    before, after = forensic(ten, 2)
    assert re.fullmatch(rb"\+[A-Za-z0-9_@-]{20,}\|.*", before) and after[1:] == before[1:].split(b"|")[0]


def test_forensic_log_by_host_and_program(ten):
    ten.modules("log_forensic").conf(
        '<VirtualHost *:{port}>\nServerName one.test\nDocumentRoot "{root}"\n'
        'ForensicLog "|/usr/bin/tee -a {run}/forensic.log"\n</VirtualHost>\n'
        '<VirtualHost *:{port}>\nServerName two.test\nDocumentRoot "{root}"\n</VirtualHost>').start()
    ten.get("/ten.txt", {"Host": "two.test"})
    ten.get("/ten.txt", {"Host": "one.test"})
    before, _ = forensic(ten, 2)
    assert b"|Host:one.test" in before


def test_forensic_log_that_cannot_be_opened_stops_the_start(ten):
    ten.modules("log_forensic").conf('ForensicLog "{run}/no/such/dir/x.log"')
    ten.write_conf()
    result = ten.run("-DFOREGROUND")
    assert result.returncode == 1 and "AH00650" in result.stderr


# --- mod_log_debug ---

def messages(site):
    return re.findall(r"\[log_debug:info\].*\] (.*)", site.error_log)


def test_messages_at_hooks_and_by_condition(ten):
    ten.modules("log_debug").conf(
        '<Location />\nLogMessage "end %{REQUEST_URI} %{REQUEST_STATUS}"\n'
        'LogMessage "fixed" hook=fixups\nLogMessage "never" "expr=%{REQUEST_URI} =~ /zzz/"\n'
        'LogMessage "post" hook=handler "expr=%{REQUEST_METHOD} == \'GET\'"\n</Location>').start()
    ten.get("/ten.txt")
    ten.wait(lambda: len(messages(ten)) >= 3, "the messages")
    assert messages(ten) == ["fixed", "post", "end /ten.txt 200"]


def test_inner_places_add_to_outer_ones(ten):
    ten.modules("log_debug").conf('<Location />\nLogMessage outer\n</Location>\n<Location /ten.txt>\nLogMessage inner\n</Location>')
    ten.start()
    ten.get("/ten.txt")
    ten.wait(lambda: len(messages(ten)) >= 2, "the messages")
    assert messages(ten) == ["outer", "inner"]


def test_all_hooks(ten):
    ten.modules("log_debug").conf('<Location />\nLogMessage all hook=all\n</Location>').start()
    ten.get("/ten.txt")
    ten.wait(lambda: len(messages(ten)) >= 8, "the messages")


@pytest.mark.parametrize("line, reason", [
    ('LogMessage "x" hook=nowhere', "nowhere"),
    ('LogMessage "x" "expr=%{"', "expression"),
    ('LogMessage "x" other=1', "neither"),
])
def test_wrong_lines_are_refused(ten, line, reason):
    ten.modules("log_debug").conf(f"<Location />\n{line}\n</Location>")
    ten.write_conf()
    result = ten.run("-t")
    assert result.returncode == 1 and reason in result.stderr


# --- mod_dumpio ---

def dumped(site, name):
    return "".join(re.findall(rf"\[dumpio:trace7\].*mod_dumpio:  {name} \(data-HEAP\): (?!\d+ bytes)(.*)", site.error_log))


def test_dumpio_shows_both_directions(ten):
    ten.modules("dumpio").conf("LogLevel dumpio:trace7\nDumpIOInput On\nDumpIOOutput On").start()
    ten.get("/ten.txt", {"X-Mark": "here"})
    ten.wait(lambda: "0123456789" in dumped(ten, "dumpio_out"), "the answer")
    assert r"GET /ten.txt HTTP/1.1\r\n" in dumped(ten, "dumpio_in") and "X-Mark: here" in dumped(ten, "dumpio_in")
    assert "HTTP/1.1 200 OK" in dumped(ten, "dumpio_out")


@pytest.mark.parametrize("lines, seen", [("DumpIOInput On\nLogLevel dumpio:trace7", "dumpio_in"),
                                         ("DumpIOOutput On\nLogLevel dumpio:trace7", "dumpio_out"),
                                         ("DumpIOInput On\nLogLevel dumpio:trace6", None), ("LogLevel dumpio:trace7", None)])
def test_dumpio_shows_what_it_is_told_to(ten, lines, seen):
    ten.modules("dumpio").conf(lines).start()
    ten.get("/ten.txt")
    ten.stop()
    names = set(re.findall(r"mod_dumpio:  (\w+)", ten.error_log))
    assert names == ({seen} if seen else set())


def test_dumpio_does_not_change_large_answers(ten):
    big = os.urandom(700000)
    ten.modules("dumpio").file("big.bin", big).conf("LogLevel dumpio:trace7\nDumpIOOutput On").start()
    assert ten.get("/big.bin").body == big
    assert ten.get("/ten.txt").body == b"0123456789"


# --- mod_echo ---

def echoed(conn, length, deadline_s=5.0):
    return conn._exactly(length, time.monotonic() + deadline_s)


def test_echo_sends_back_what_comes(ten):
    ten.modules("echo").conf("ProtocolEcho On").start()
    with ten.connect() as conn:
        for data in [b"hi\r\n", b"\x00\xff", b"GET / HTTP/1.1\r\n\r\n", b"x" * 5000]:
            conn.send(data)
            assert echoed(conn, len(data)) == data
    with ten.connect() as conn:
        conn.send(b"again")
        assert echoed(conn, 5) == b"again"


def test_echo_is_for_its_server_alone(ten):
    other = servers.free_port()
    ten.listen.append(f"Listen 127.0.0.1:{other}")
    ten.modules("echo").conf(f"<VirtualHost *:{other}>\nProtocolEcho On\n</VirtualHost>").start()
    assert ten.get("/ten.txt").body == b"0123456789"
    with ten.connect(port=other) as conn:
        conn.send(b"GET /ten.txt HTTP/1.1\r\n\r\n")
        assert echoed(conn, 25) == b"GET /ten.txt HTTP/1.1\r\n\r\n"
    ten.stop()


def test_echo_ends_when_its_server_does(ten):
    ten.modules("echo").conf("ProtocolEcho On").start()
    with ten.connect() as conn:
        conn.send(b"x")
        assert echoed(conn, 1) == b"x"
        ten.stop()
        conn.wait_end(5)
