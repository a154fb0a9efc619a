"""CGI: what a script is given, what becomes of its output, and that nothing is left of it."""
import hashlib
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from lib import servers

pytestmark = pytest.mark.spec("RFC3875")

CONF = """\
<Directory "{root}">
    Options +ExecCGI
    AddHandler cgi-script .cgi
</Directory>
"""
PLAIN = "echo 'Content-Type: text/plain'\necho\n"


@pytest.fixture
def cgi(site):
    return site.modules("cgi").conf(CONF)


def script(site, name, text, interpreter="/bin/sh"):
    return site.file(name, f"#!{interpreter}\n{text}", 0o755)


def python(site, name, text):
    return script(site, name, text, "/usr/bin/python3 -I")


def alive(pid):
    return servers.process_alive(pid)


def stat_of(pid):
    """State and parent."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return fields[0], int(fields[1])


def descendants(pid):
    found = []
    for child in servers.children_of(pid):
        found += [child] + descendants(child)
    return found


def zombies(site):
    """Dead processes below the server that nobody has waited for."""
    dead = []
    for pid in descendants(site.master):
        try:
            if stat_of(pid)[0] == "Z":
                dead.append(pid)
        except OSError:
            pass
    return dead


def helpers(site):
    found = []
    for pid in site.children:
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read().strip() == "pinion-spawn" and alive(pid):
                    found.append(pid)
        except OSError:
            pass
    return found


def helper(site):
    """The process that starts scripts."""
    found = helpers(site)
    assert len(found) == 1, found
    return found[0]


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def servers_kb(site):
    return sum(resident_kb(pid) for pid in site.children if pid != helper(site))


# ---- what a script is given ----

def test_hello(cgi):
    script(cgi, "a.cgi", PLAIN + "echo hello").start()
    answer = cgi.get("/a.cgi")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"hello\n", "text/plain")


def test_names_apache_beside_itself(cgi):
    """Programs look for the word to learn that .htaccess works."""
    script(cgi, "a.cgi", PLAIN + 'echo "$SERVER_SOFTWARE"').start()
    words = cgi.get("/a.cgi").body.decode().split()
    assert "Apache/2.4.71" in words
    assert words[0].startswith("Pinion")


def test_has_nothing_of_the_server_open(cgi):
    script(cgi, "a.cgi", PLAIN + "exec ls -l /proc/self/fd").start()
    with cgi.connect(), cgi.connect():
        lines = cgi.get("/a.cgi").body.decode().splitlines()
    numbers = sorted(int(m.group(1)) for line in lines if (m := re.search(r" (\d+) -> ", line)))
    assert numbers == [0, 1, 2, 3]             # 3 is the directory that ls reads


def test_signals_are_as_a_shell_gives_them(cgi):
    script(cgi, "a.cgi", PLAIN + "exec grep -E '^Sig(Blk|Ign)' /proc/self/status").start()
    of_the_c_library = 0b11 << 31 # 32 and 33: what whoever started the tests left there cannot be changed by programs
    masks = [int(mask, 16) & ~of_the_c_library for mask in cgi.get("/a.cgi").body.decode().split()[1::2]]
    assert masks == [0, 0]


def test_runs_in_its_directory(cgi):
    script(cgi, "d/a.cgi", PLAIN + "pwd -P").start()
    assert cgi.get("/d/a.cgi").body.decode().strip() == os.path.realpath(cgi.root / "d")


def test_limits(cgi):
    cgi.conf("RLimitCPU 7 11\nRLimitMEM 1073741824\n<Directory {root}/d>\nRLimitCPU 5 6\n</Directory>")
    script(cgi, "a.cgi", PLAIN + "ulimit -St; ulimit -Ht; ulimit -Sv")
    script(cgi, "d/a.cgi", PLAIN + "ulimit -St; ulimit -Ht; ulimit -Sv").start()
    assert cgi.get("/a.cgi").body.split() == [b"7", b"11", b"1048576"]
    assert cgi.get("/d/a.cgi").body.split() == [b"5", b"6", b"1048576"]


def test_runs_as_the_children_do(cgi):
    script(cgi, "a.cgi", PLAIN + "id -u; id -G").start()
    server = next(pid for pid in cgi.children if pid != helper(cgi))
    with open(f"/proc/{server}/status") as file:
        uid = re.search(r"Uid:\s+(\d+)", file.read()).group(1)
    assert cgi.get("/a.cgi").body.decode().split()[0] == uid


# ---- bodies ----

ECHO = "import hashlib, sys\nd = sys.stdin.buffer.read()\nprint('Content-Type: text/plain\\n')\nprint(len(d), hashlib.md5(d).hexdigest())\n"


@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
def test_body_with_length(cgi, size):
    python(cgi, "a.cgi", ECHO).start()
    data = os.urandom(size)
    answer = cgi.get("/a.cgi", method="POST", body=data, headers={"Content-Length": str(size)})
    assert answer.body.decode().split() == [str(size), hashlib.md5(data).hexdigest()]


def test_body_of_unknown_length(cgi):
    python(cgi, "a.cgi", ECHO).start()
    data = os.urandom(300_000)
    pieces = [data[i:i + 7777] for i in range(0, len(data), 7777)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    with cgi.connect() as conn:
        for _ in range(2):                     # the connection stays good
            conn.send(b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
            assert conn.response("POST").body.decode().split() == [str(len(data)), hashlib.md5(data).hexdigest()]


def test_expect_continue(cgi):
    python(cgi, "a.cgi", ECHO).start()
    with cgi.connect() as conn:
        conn.send(b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert conn.response("POST").status == 100
        conn.send(b"hello")
        assert conn.response("POST").body.startswith(b"5 ")


def test_answers_while_it_still_reads(cgi):
    """A script that sends back what it gets, piece by piece: both directions flow at once."""
    script(cgi, "a.cgi", PLAIN + "exec cat").start()
    with cgi.connect() as conn:
        conn.send(b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n")
        for n in range(3):
            conn.send(b"%d" % n * 1000)
            deadline = time.monotonic() + 5
            while conn.buffer.count(b"%d" % n * 1000) == 0:
                conn._fill(deadline, "echo")
        assert conn.response("POST").body == b"0" * 1000 + b"1" * 1000 + b"2" * 1000


def test_more_both_ways_than_pipes_hold(cgi):
    script(cgi, "a.cgi", PLAIN + "exec cat").start()
    data = os.urandom(8_000_000)
    head = b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(data)
    with cgi.connect() as conn: # a client that only sends would stand still once the script's answer fills every buffer
        sender = threading.Thread(target=conn.send, args=(head + data,))
        sender.start()
        answer = conn.response("POST")
        sender.join()
    assert hashlib.md5(answer.body).digest() == hashlib.md5(data).digest()


def test_input_that_nobody_reads(cgi):
    script(cgi, "a.cgi", PLAIN + "echo done").start()
    with cgi.connect() as conn:
        for _ in range(3):
            answer = conn.request("POST", "/a.cgi", body=b"x" * 500_000)
            assert answer.body == b"done\n"


def test_answered_before_the_body_came(cgi):
    """The script is through; the client may still send its body and use the connection on."""
    script(cgi, "a.cgi", PLAIN + "echo done").start()
    with cgi.connect() as conn:
        conn.send(b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        assert conn.response("POST").body == b"done\n"
        conn.send(b"0123456789GET /a.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert conn.response().body == b"done\n"


def test_broken_body_is_not_taken_for_whole(cgi):
    marker = cgi.run_dir / "complete"
    cgi.run_dir.chmod(0o777)
    script(cgi, "a.cgi", f"cat >/dev/null && echo yes >{marker}\n" + PLAIN).start()
    with cgi.connect() as conn:
        conn.send(b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxx\r\n")
        assert conn.final_response("POST").status == 400
    cgi.wait(lambda: not descendants(helper(cgi)), "the script to be ended")
    assert not marker.exists()


def test_too_large_a_body_is_413(cgi):
    cgi.conf("LimitRequestBody 1000")
    python(cgi, "a.cgi", ECHO).start()
    with cgi.connect() as conn:
        body = b"400\r\n" + b"x" * 1024 + b"\r\n" + b"0\r\n\r\n"
        conn.send(b"POST /a.cgi HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert conn.final_response("POST").status == 413


# ---- memory and back-pressure ----

def test_endless_output_to_a_client_that_does_not_read(cgi):
    script(cgi, "a.cgi", PLAIN + "exec yes 0123456789abcdef").start()
    cgi.get("/missing")
    before = servers_kb(cgi)
    conn = cgi.connect()
    conn.send(b"GET /a.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(1)
    # AddressSanitizer keeps freed blocks for a while.
    assert servers_kb(cgi) - before < (20000 if os.environ.get("PINION_SANITIZED") else 1500)
    conn.close()
    cgi.wait(lambda: not descendants(helper(cgi)), "the script to be ended")


def test_large_output_in_constant_memory(cgi):
    script(cgi, "a.cgi", PLAIN + "exec head -c 200000000 /dev/zero").start()
    cgi.get("/missing")
    before = servers_kb(cgi)
    got = 0
    with cgi.connect() as conn:
        conn.send(b"GET /a.cgi HTTP/1.0\r\nHost: localhost\r\n\r\n")
        while conn.end is None:
            conn._fill(time.monotonic() + 10, "output")
            got += len(conn.buffer)
            conn.buffer.clear()
    assert got > 200_000_000
    assert servers_kb(cgi) - before < 1500


# ---- ends ----

SLEEPER = PLAIN + 'sleep 300 &\necho $$ $!\nwait\n'


def start_sleeper(site, path="/a.cgi"):
    """A connection on which a script and its child are at work; their pids."""
    conn = site.connect()
    conn.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    deadline = time.monotonic() + 5
    while not (found := re.search(rb"\r\n(\d+) (\d+)\n", conn.buffer)):
        conn._fill(deadline, "the script's pids")
    return conn, [int(found.group(1)), int(found.group(2))]


def test_client_that_resets_ends_the_group(cgi):
    script(cgi, "a.cgi", SLEEPER).start()
    conn, pids = start_sleeper(cgi)
    assert all(alive(pid) for pid in pids)
    conn.abort()
    cgi.wait(lambda: not any(alive(pid) for pid in pids), "both processes to end", 3)
    assert not zombies(cgi)


def test_client_that_resets_before_any_output(cgi):
    pid_file = cgi.run_dir / "pid"
    cgi.run_dir.chmod(0o777)
    script(cgi, "a.cgi", f"echo $$ >{pid_file}\nexec sleep 300\n").start()
    conn = cgi.raw(b"GET /a.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n")
    cgi.wait(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"), "the script")
    pid = int(pid_file.read_text())
    conn.abort()
    cgi.wait(lambda: not alive(pid), "the script to end", 3)


def test_timeout_before_a_head_is_504(cgi):
    cgi.conf("CGIScriptTimeout 1")
    script(cgi, "a.cgi", "sleep 300").start()
    assert cgi.get("/a.cgi").status == 504
    cgi.wait(lambda: not descendants(helper(cgi)), "the script to be ended", 3)
    cgi.wait_log("Timeout waiting for output")


def test_timeout_in_the_middle_cuts(cgi):
    cgi.conf("CGIScriptTimeout 1s")
    script(cgi, "a.cgi", SLEEPER).start()
    conn, pids = start_sleeper(cgi)
    with conn:
        assert conn.wait_end(4) != "open"
        assert b"\r\n0\r\n\r\n" not in conn.buffer
    cgi.wait(lambda: not any(alive(pid) for pid in pids), "both processes to end", 3)


def test_stubborn_script_is_killed(cgi):
    cgi.conf("CGIScriptTimeout 1")
    script(cgi, "a.cgi", "trap '' TERM\n" + SLEEPER + "wait\nsleep 300").start()
    conn, pids = start_sleeper(cgi)
    with conn:
        conn.wait_end(4)
    cgi.wait(lambda: not any(alive(pid) for pid in pids), "both processes to end", 6)


def test_child_that_holds_the_pipe_is_ended_in_time(cgi):
    """The script has ended and left something that keeps its output open: time runs out, no zombie meanwhile."""
    cgi.conf("CGIScriptTimeout 2")
    script(cgi, "a.cgi", PLAIN + "sleep 300 &\necho $$ $!\n").start()
    conn, pids = start_sleeper(cgi)
    with conn:
        cgi.wait(lambda: not os.path.exists(f"/proc/{pids[0]}"), "the script to end and be reaped", 2)
        assert alive(pids[1])
        assert conn.wait_end(5) != "open"
    cgi.wait(lambda: not os.path.exists(f"/proc/{pids[1]}"), "its child to end and be reaped", 3)


def test_background_work_goes_on(cgi):
    """What a script starts on purpose, with its streams closed, is left alone."""
    script(cgi, "a.cgi", PLAIN + "sleep 2 >/dev/null 2>&1 </dev/null &\necho $! $$\n").start()
    pid, own = map(int, cgi.get("/a.cgi").body.split())
    cgi.wait(lambda: not os.path.exists(f"/proc/{own}"), "the script itself to be reaped")
    assert alive(pid)
    cgi.wait(lambda: not os.path.exists(f"/proc/{pid}"), "the background work to end", 4)


def test_no_zombies_under_load(cgi):
    script(cgi, "a.cgi", PLAIN + "echo x").start()
    with cgi.connect() as conn:
        for _ in range(200):
            assert conn.request("GET", "/a.cgi").body == b"x\n"
    cgi.wait(lambda: not descendants(helper(cgi)), "all scripts to be gone", 2)


def test_stop_ends_scripts(cgi):
    script(cgi, "a.cgi", SLEEPER).start()
    conn, pids = start_sleeper(cgi)
    with conn:
        cgi.stop()
    assert not any(alive(pid) for pid in pids)


def test_killed_server_ends_scripts(cgi):
    """A child of the server that dies takes its scripts along."""
    script(cgi, "a.cgi", SLEEPER).start()
    conn, pids = start_sleeper(cgi)
    with conn:
        for pid in cgi.children:
            if pid != helper(cgi):
                os.kill(pid, signal.SIGKILL)
        cgi.wait(lambda: not any(alive(pid) for pid in pids), "both processes to end", 3)


def test_graceful_restart_lets_scripts_finish(cgi):
    script(cgi, "a.cgi", PLAIN + "echo begin\nsleep 2\necho end").start()
    with cgi.connect() as conn:
        conn.send(b"GET /a.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert conn.wait_bytes(5)
        cgi.signal(signal.SIGUSR1)
        assert conn.response().body == b"begin\nend\n"
        assert cgi.get("/a.cgi").body == b"begin\nend\n"


def test_helper_that_dies_is_replaced(cgi):
    script(cgi, "a.cgi", PLAIN + "echo x").start()
    assert cgi.get("/a.cgi").body == b"x\n"
    first = helper(cgi)
    os.kill(first, signal.SIGKILL)
    cgi.wait(lambda: helpers(cgi) not in ([first], []), "another helper", 5)
    assert cgi.get("/a.cgi").body == b"x\n"


# ---- bad output ----

BAD = {
    "nothing": ":",
    "no head": "echo hello",
    "half a head": "printf 'Content-Type: text/plain\\n'",
    "half a line": "printf 'Content-Ty'",
    "a signal": "kill -SEGV $$",
    "a signal in the head": "printf 'Content-Type: text/plain\\n'; kill -KILL $$",
    "NUL": "printf 'X-A: a\\0b\\n\\nx'",
    "bare CR": "printf 'X-A: a\\rSet-Cookie: b=c\\n\\nx'",
    "no name": "printf ': x\\n\\nx'",
    "space in the name": "printf 'X A: x\\n\\nx'",
    "folded": "printf 'X-A: x\\n y\\n\\nx'",
    "status line": "printf 'HTTP/1.1 200 OK\\n\\nx'",
    "two lengths": "printf 'Content-Length: 1\\nContent-Length: 2\\n\\nx'",
}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_bad_head_is_500(cgi, kind):
    script(cgi, "a.cgi", BAD[kind]).start()
    with cgi.connect() as conn:
        assert conn.request("GET", "/a.cgi").status == 500
    cgi.wait(lambda: not descendants(helper(cgi)), "the script to be gone", 3)


@pytest.mark.parametrize("text", ["exec yes 'X-A: 0123456789'", "exec head -c 100000000 /dev/zero",
                                  "printf 'X-A: '; exec tr '\\0' x </dev/zero"])
def test_endless_head_is_500(cgi, text):
    script(cgi, "a.cgi", text).start()
    cgi.get("/missing")
    before = servers_kb(cgi)
    assert cgi.get("/a.cgi").status == 500
    assert servers_kb(cgi) - before < 4000
    cgi.wait(lambda: not descendants(helper(cgi)), "the script to be ended", 3)


def test_not_executable_is_500(cgi):
    cgi.file("a.cgi", "#!/bin/sh\necho", 0o644).start()
    assert cgi.get("/a.cgi").status == 500
    cgi.wait_log(r"AH01223: .*exec: Permission denied")


def test_missing_interpreter_is_500(cgi):
    script(cgi, "a.cgi", "x", "/nowhere/at/all").start()
    assert cgi.get("/a.cgi").status == 500


def test_no_execcgi_is_403(site):
    script(site.modules("cgi"), "a.cgi", PLAIN).conf("AddHandler cgi-script .cgi").start()
    assert site.get("/a.cgi").status == 403
    site.wait_log("AH02809")


# ---- head, redirects, special kinds ----

def test_head_lets_the_script_finish(cgi):
    marker = cgi.run_dir / "done"
    cgi.run_dir.chmod(0o777)
    script(cgi, "a.cgi", PLAIN + f"head -c 200000 /dev/zero\necho >{marker}\n").start()
    answer = cgi.get("/a.cgi", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert marker.exists()


def test_local_redirect_of_a_post(cgi):
    script(cgi, "a.cgi", "cat >/dev/null; echo 'Location: /b.cgi?x=1'; echo; echo ignored")
    script(cgi, "b.cgi", PLAIN + 'echo "$REQUEST_METHOD $QUERY_STRING [$CONTENT_LENGTH] $REDIRECT_STATUS"; cat').start()
    with cgi.connect() as conn:
        for _ in range(2):
            answer = conn.request("POST", "/a.cgi", body=b"hello")
            assert answer.body == b"GET x=1 [] 200\n"


def test_flushes_what_the_script_flushes(cgi):
    script(cgi, "a.cgi", PLAIN + "echo one; sleep 1; echo two").start()
    with cgi.connect() as conn:
        conn.send(b"GET /a.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + 0.8
        while b"one\n" not in conn.buffer:
            conn._fill(deadline, "the first line")
        assert conn.response().body == b"one\ntwo\n"


def test_stderr_goes_to_the_log_line_by_line(cgi):
    cgi.conf('ErrorLogFormat "[%L] %M"')
    script(cgi, "a.cgi", PLAIN + "echo first >&2; printf 'second\\nthird' >&2; echo ok").start()
    assert cgi.get("/a.cgi").body == b"ok\n"
    cgi.wait_log(r"third")
    lines = [line for line in cgi.error_log.splitlines() if "AH01215" in line]
    assert [line.rsplit(": ", 1)[1] for line in lines] == ["first", "second", "third"]
    assert len({line.split("]")[0] for line in lines}) == 1 and not lines[0].startswith("[-]")


def test_much_stderr_before_output(cgi):
    script(cgi, "a.cgi", "head -c 500000 /dev/zero | tr '\\0' e >&2\n" + PLAIN + "echo ok").start()
    assert cgi.get("/a.cgi").body == b"ok\n"


def test_script_log(cgi):
    log = cgi.run_dir / "cgi.log"
    log.touch()
    log.chmod(0o666)
    cgi.conf(f"ScriptLog {log}\nScriptLogBuffer 4\nScriptLogLength 600")
    script(cgi, "a.cgi", "cat >/dev/null; echo bad output; echo complaint >&2").start()
    for _ in range(10):
        assert cgi.get("/a.cgi", method="POST", body=b"0123456789").status == 500
    text = log.read_text()
    assert "%% 500 " in text and "/a.cgi" in text
    assert "%request\n" in text and "\n0123\n" in text and "01234" not in text
    assert "%response\nbad output\n" in text
    assert "%stderr\ncomplaint\n" in text
    assert len(text) < 1200


def test_many_at_once(cgi):
    script(cgi, "a.cgi", PLAIN + "sleep 0.5; echo x").start()
    conns = [cgi.connect() for _ in range(60)]
    for conn in conns:
        conn.send(b"GET /a.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for conn in conns:
        assert conn.response(timeout_s=15).body == b"x\n"
        conn.close()
    cgi.wait(lambda: not descendants(helper(cgi)), "all scripts to be gone", 3)


def test_one_process(cgi):
    """With -X there is no master to start the helper."""
    cgi.run_dir.chmod(0o777)                   # the only process is not root any more when it removes its pid file
    script(cgi, "a.cgi", PLAIN + "echo x").start("-X")
    for _ in range(3):
        assert cgi.get("/a.cgi").body == b"x\n"


def test_nph_makes_the_whole_answer(cgi):
    script(cgi, "nph-a.cgi", "printf 'HTTP/1.0 234 Fine\\r\\nX-A: b\\r\\nContent-Type: text/plain\\r\\n\\r\\nhello'").start()
    answer = cgi.get("/nph-a.cgi")
    assert (answer.status, answer.reason, answer.headers["x-a"], answer.body) == (234, "Fine", "b", b"hello")


@pytest.mark.parametrize("text", ["printf 'X-A: b\\n\\nx'", "printf 'HTTP/1.1 2x0 OK\\n\\nx'", "echo"])
def test_nph_without_a_status_line_is_500(cgi, text):
    script(cgi, "nph-a.cgi", text).start()
    assert cgi.get("/nph-a.cgi").status == 500


# ---- a real program: git over HTTP ----

GIT = """\
export GIT_PROJECT_ROOT={root} GIT_HTTP_EXPORT_ALL=1 REMOTE_USER=tester
exec /usr/lib/git-core/git-http-backend
"""


def git(*arguments, cwd=None):
    environment = {**os.environ, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
                   "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.test",
                   "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.test"}
    done = subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not os.path.exists("/usr/lib/git-core/git-http-backend"), reason="git is not installed")
def test_git_clone_push_and_shallow_fetch(cgi):
    site = cgi
    store = site.dir / "git" / "r.git"
    script(site, "git.cgi", GIT.format(root=store.parent))
    store.parent.mkdir()
    git("init", "--bare", "-b", "main", store)
    git("config", "http.receivepack", "true", cwd=store)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "www-data:www-data", str(store.parent)], check=True)
    site.start()
    url = f"http://127.0.0.1:{site.port}/git.cgi/r.git"
    work = site.dir / "work"
    git("clone", url, work)
    (work / "big.bin").write_bytes(os.urandom(50 * 1024 * 1024))
    git("checkout", "-B", "main", cwd=work)
    git("add", ".", cwd=work)
    git("commit", "-qm", "large", cwd=work)
    git("push", "origin", "main", cwd=work)
    for n in range(5):
        (work / "n.txt").write_text(str(n))
        git("add", ".", cwd=work)
        git("commit", "-qm", str(n), cwd=work)
    git("push", "origin", "main", cwd=work)
    other = site.dir / "other"
    git("clone", "--depth", "1", url, other)
    assert (other / "big.bin").read_bytes() == (work / "big.bin").read_bytes()
    assert git("rev-list", "--count", "HEAD", cwd=other).strip() == "1"
    git("fetch", "--depth", "3", cwd=other)
    assert git("rev-list", "--count", "origin/main", cwd=other).strip() == "3"
    git("fetch", "--unshallow", cwd=other)
    assert git("rev-parse", "origin/main", cwd=other) == git("rev-parse", "main", cwd=work)
    git("fsck", cwd=other)
    site.wait(lambda: not descendants(helper(site)), "all of git to be gone", 5)
