"""Access logs and the error log: where lines go, what is in them, and what happens when things break."""
import json
import os
import re
import signal
import threading

import pytest

from lib import http1, servers

ODD = [b"plain", b"\"quoted\" \\back", b"\xe4\xf6\xfc latin", "käse €".encode(), b"\xf0\x9f\x98\x80", b"\xc3", b"\xed\xa0\x80",
       b"a\tb", b"\xff\xfe", b"x" * 3000, b"{\"a\":1}", b"%s%n$(x)"]


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


def lines(site, name):
    path = site.run_dir / name
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def wait_lines(site, name, count):
    site.wait(lambda: len(lines(site, name)) >= count, f"{count} lines in {name}")
    return lines(site, name)


def ask(site, agent=b"me", target=b"/ten.txt"):
    with site.connect() as conn:
        conn.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: " + agent + b"\r\nConnection: close\r\n\r\n")
        return conn.final_response()


# --- access logs ---

def test_several_logs_of_one_request(ten):
    ten.conf('LogFormat "%m" method\nCustomLog "{run}/a.log" method\nCustomLog "{run}/b.log" "%U %s"\n'
             'CustomLog "{run}/c.log" "%U" env=nobody\nCustomLog "{run}/d.log" "%U" env=!nobody').start()
    ask(ten)
    assert wait_lines(ten, "d.log", 1) == [b"/ten.txt"]
    assert lines(ten, "a.log") == [b"GET"]
    assert lines(ten, "b.log") == [b"/ten.txt 200"]
    assert lines(ten, "c.log") == []


def test_log_by_expression(ten):
    ten.conf('CustomLog "{run}/big.log" "%U" "expr=%{REQUEST_STATUS} -eq 404"').start()
    ask(ten)
    ask(ten, target=b"/nothing")
    assert wait_lines(ten, "big.log", 1) == [b"/nothing"]


def test_relative_name_and_nickname_defined_later(ten):
    ten.conf('CustomLog "later.log" later\nLogFormat "late %U" later').start()
    ask(ten)
    assert wait_lines(ten, "later.log", 1) == [b"late /ten.txt"]


def test_global_log_also_for_hosts_with_their_own(ten):
    ten.conf('GlobalLog "{run}/global.log" "%v"\nCustomLog "{run}/main.log" "%v"\n'
             '<VirtualHost *:{port}>\nServerName one.test\nDocumentRoot "{root}"\nCustomLog "{run}/one.log" "%v"\n</VirtualHost>\n'
             '<VirtualHost *:{port}>\nServerName two.test\nDocumentRoot "{root}"\n</VirtualHost>').start()
    ten.get("/ten.txt", {"Host": "one.test"})
    ten.get("/ten.txt", {"Host": "two.test"})
    assert sorted(wait_lines(ten, "global.log", 2)) == [b"one.test", b"two.test"]
    assert lines(ten, "one.log") == [b"one.test"]
    assert lines(ten, "main.log") == [b"two.test"]


def test_buffered_lines_come_within_a_second(ten):
    ten.conf("BufferedLogs On").start()
    ask(ten)
    assert not any("ten.txt" in line for line in ten.access_log)
    ten.wait(lambda: any("ten.txt" in line for line in ten.access_log), "the buffered line", 3)


def test_buffered_lines_survive_a_stop(ten):
    ten.conf("BufferedLogs On").start()
    ask(ten)
    ten.stop()
    assert any("ten.txt" in line for line in ten.access_log)


@pytest.mark.parametrize("line, reason", [
    ('LogFormat "%y"', "%y"),
    ('LogFormat "%{x"', "}"),
    ('CustomLog "x.log" "%h" nonsense', "env= or expr="),
    ('CustomLog "x.log" "%h" "expr=%{"', "condition"),
    ('LogFormat "json: status"', "name=%item"),
    ('ErrorLogFormat "%y"', "%y"),
    ("LogLevel loud", "loud"),
    ("LogLevel nosuch:debug", "nosuch"),
    ('CustomLog "{run}/no/such/dir/x.log" "%h"', "No such file or directory"),
    ('ErrorLog "{run}/no/such/dir/x.log"', "No such file or directory"),
    ('CustomLog "|/no/such/program" "%h"', "/no/such/program"),
])
def test_wrong_lines_are_refused(ten, line, reason):
    ten.conf(line)
    ten.write_conf()
    result = ten.run("-DFOREGROUND")
    assert result.returncode == 1
    assert reason in result.stderr


# --- JSON ---

@pytest.mark.parametrize("form", ["json:default", "json:common",
                                  "json: time=%{usec}t agent=%{User-Agent}i status=%>s bytes=%B line=%r none=%{X-No}i"])
def test_json_is_valid_whatever_is_sent(ten, form):
    ten.conf(f'LogFormat "{form}" j\nCustomLog "{{run}}/json.log" j').start()
    for odd in ODD:
        ask(ten, odd)
        with ten.connect() as conn:
            conn.send(b"GET /" + odd.replace(b"\t", b"") + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            conn.wait_end(5)
    for line in wait_lines(ten, "json.log", 2 * len(ODD)):
        record = json.loads(line.decode("utf-8"))           # strict: bad UTF-8 raises
        assert record["status"] in (200, 400, 403, 404)
        if "agent" in record and record["agent"] == "käse €":
            break
    else:
        assert "agent" not in record


def test_json_error_log_is_valid_whatever_is_sent(ten):
    ten.conf("ErrorLogFormat json").start()
    for odd in ODD:
        with ten.connect() as conn:
            conn.send(b"GET /no" + odd.replace(b"\t", b"") + b" HTTP/1.1\r\nHost: localhost\r\nReferer: " + odd +
                      b"\r\nConnection: close\r\n\r\n")
            conn.wait_end(5)
    ten.wait(lambda: len(lines(ten, "error.log")) > len(ODD), "the messages")
    records = [json.loads(line.decode("utf-8")) for line in lines(ten, "error.log")]
    missing = [r for r in records if r.get("id") == "AH00128"]
    assert missing and missing[0]["level"] == "info" and missing[0]["client"].startswith("127.0.0.1:")
    assert missing[0]["module"] == "core" and "/no" in missing[0]["message"]


# --- the error log ---

def test_default_form_of_a_message(ten):
    ten.start()
    ten.get("/nothing", {"Referer": "http://x.test/"})
    match = ten.wait_log(r"(?m)^\[\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4}\] \[core:info\] \[pid \d+:tid \d+\] "
                         r"\[client 127\.0\.0\.1:\d+\] AH00128: File does not exist: .*/nothing, referer: http://x\.test/$")
    assert match


def test_levels_by_module_and_place(ten):
    ten.conf("LogLevel error\n<Location /loud>\nLogLevel core:info\n</Location>").start()
    ten.get("/quiet/nothing")
    ten.get("/loud/nothing")
    ten.wait_log("AH00128.*loud")
    assert "quiet" not in ten.error_log


def test_lines_that_come_once(ten):
    ten.conf('ErrorLogFormat "%M R=%L C=%{c}L"\nErrorLogFormat request "request %L no. %k"\n'
             'ErrorLogFormat request "agent %+{User-Agent}i"\nErrorLogFormat connection "connection %{c}L of %a"\n'
             'CustomLog "{run}/ids.log" "%U %L"').start()
    with ten.connect() as conn:
        conn.request("GET", "/ten.txt")
        conn.request("GET", "/no1")
        conn.request("GET", "/no2", {"User-Agent": "me"})
    ten.wait_log("no2")
    log = ten.error_log
    assert len(re.findall(r"(?m)^connection ", log)) == 1
    assert re.findall(r"(?m)^request (\S+) no\. (\d)$", log)[1][1] == "2"
    assert re.findall(r"(?m)^agent (.*)$", log) == ["me"]
    ids = dict(line.split() for line in map(bytes.decode, wait_lines(ten, "ids.log", 3)))
    assert ids["/ten.txt"] == "-"
    assert f"R={ids['/no1']} " in log and ids["/no1"] != ids["/no2"]


def test_host_with_its_own_error_log(ten):
    ten.conf('<VirtualHost *:{port}>\nServerName one.test\nDocumentRoot "{root}"\nErrorLog "{run}/one.log"\nLogLevel info\n'
             '</VirtualHost>').start()
    ten.get("/nothing", {"Host": "one.test"})
    assert b"AH00128" in wait_lines(ten, "one.log", 1)[0]
    assert "AH00128" not in ten.error_log


# --- programs ---

def test_program_gets_the_lines(ten):
    ten.conf('CustomLog "|/bin/sh -c \'exec cat >>{run}/piped.log\'" "%U"').start()
    for _ in range(5):
        ask(ten)
    assert wait_lines(ten, "piped.log", 5) == [b"/ten.txt"] * 5
    ten.stop()


def test_program_is_run_without_a_shell(ten):
    ten.conf('CustomLog "|/usr/bin/tee -a {run}/tee.log" "%U"').start()
    ask(ten)
    wait_lines(ten, "tee.log", 1)
    names = {open(f"/proc/{pid}/comm").read().strip() for pid in servers.children_of(ten.master)}
    assert "tee" in names


def test_program_that_dies_is_started_again_and_nothing_is_lost(ten):
    ten.conf('CustomLog "||/usr/bin/tee -a {run}/tee.log" "%U%q"').start()

    def tee():
        return [pid for pid in servers.children_of(ten.master)
                if servers.process_alive(pid) and open(f"/proc/{pid}/comm").read().strip() == "tee"]

    with ten.connect() as conn:
        for n in range(40):
            conn.request("GET", f"/ten.txt?{n}")
            if n % 10 == 5:
                ten.wait(lambda: len(lines(ten, "tee.log")) >= n + 1, "the lines so far")
                before = ten.wait(tee, "the program")
                os.kill(before[0], signal.SIGKILL)
                ten.wait(lambda: not servers.process_alive(before[0]), "its end")
    assert wait_lines(ten, "tee.log", 40) == [b"/ten.txt?%d" % n for n in range(40)]
    ten.wait_log("AH00106")


def test_program_ends_with_the_server(ten):
    ten.conf('ErrorLog "|/usr/bin/tee -a {run}/tee.log"\nCustomLog "|/usr/bin/tee -a {run}/access.tee" "%U"').start()
    ask(ten)
    wait_lines(ten, "access.tee", 1)
    programs = [pid for pid in servers.children_of(ten.master) if open(f"/proc/{pid}/comm").read().strip() == "tee"]
    assert len(programs) == 2
    ten.stop()
    ten.wait(lambda: not any(map(servers.process_alive, programs)), "the programs to end")
    assert lines(ten, "access.tee") == [b"/ten.txt"]


def test_program_that_does_not_read_stops_nobody(ten):
    ten.conf('CustomLog "|/bin/sleep 1000" "%{User-Agent}i"').start()
    for _ in range(100):
        assert ask(ten, b"x" * 4000).status == 200      # more than a pipe holds
    ten.wait(lambda: len(ten.access_log) >= 100, "the other log to have every line")


# --- a full disk ---

def test_full_disk_stops_nobody(ten):
    """The lines wait in memory; tests/unit/http/test_log_buffer.c looks at what becomes of them."""
    ten.conf('CustomLog "/dev/full" "%U"').start()
    for _ in range(50):
        assert ask(ten).status == 200
    ten.wait_log("No space left on device: PN20030: .*/dev/full")
    ten.wait(lambda: len(ten.access_log) >= 50, "the other log to have every line")


# --- kill -9 under load ---

def test_no_line_is_torn_when_children_are_killed(ten):
    ten.conf('CustomLog "{run}/whole.log" "begin %U%q %{User-Agent}i end"\nStartServers 2').start()
    answered, over = set(), threading.Event()

    def load(worker):
        n = 0
        while not over.is_set():
            n += 1
            target = f"/ten.txt?w{worker}n{n}"
            try:
                if ten.get(target, {"User-Agent": "x" * (n % 700)}).status == 200:
                    answered.add(target)
            except (OSError, http1.ConnectionEnded, http1.Deadline, http1.ProtocolError):
                pass

    threads = [threading.Thread(target=load, args=(w,), daemon=True) for w in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            goal = len(answered) + 50
            ten.wait(lambda: len(answered) >= goal, "answers under load", 30)   # dead children are replaced with care
            victim = ten.wait(lambda: [p for p in ten.children if servers.process_alive(p)], "a child")[0]
            os.kill(victim, signal.SIGKILL)
    finally:
        over.set()
        for thread in threads:
            thread.join(10)
    whole = re.compile(rb"begin (/ten\.txt\?w\dn\d+) (x*|-) end")

    def logged():
        return {m.group(1).decode() for m in map(whole.fullmatch, lines(ten, "whole.log")) if m}

    ten.wait(lambda: answered <= logged(), f"the lines of {sorted(answered - logged())[:5]}", 5)
    torn = [line for line in lines(ten, "whole.log") if not whole.fullmatch(line)]
    assert not torn, torn[:3]
