"""HTTP/2: how it begins, what requests and answers look like, bodies both ways, and the end of a connection. RFC 9113."""
import os
import re
import signal
import subprocess
import sys

import pytest

from lib import certs, h2raw

pytestmark = pytest.mark.spec("RFC9113")

SCRIPT = f"""#!{sys.executable}
import os, sys
body = sys.stdin.buffer.read()
print("Content-Type: text/plain")
print()
for name in sorted(os.environ):
    if name.startswith(("H2", "HTTP", "SERVER_PROTOCOL", "CONTENT_LENGTH")):
        print(f"{{name}}={{os.environ[name]}}")
print(f"body={{len(body)}}")
"""


@pytest.fixture
def h2(site):
    return site.modules("http2").conf("Protocols h2c http/1.1").file("ten.txt", b"0123456789")


def run(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def curl(site, path, *options):
    return run("curl", "-s", *options, f"http://127.0.0.1:{site.port}{path}")


def with_script(site):
    site.modules("cgi", "env").file("cgi/env", SCRIPT, 0o755)
    return site.conf('ScriptAlias /cgi/ "{root}/cgi/"')


# --- how it begins ---

def test_prior_knowledge(h2):
    h2.start()
    assert curl(h2, "/ten.txt", "--http2-prior-knowledge", "-w", " %{http_version} %{http_code}") == "0123456789 2 200"
    assert re.search(r'"GET /ten.txt HTTP/2.0" 200 10$', h2.wait(lambda: h2.access_log, "the log")[0])


def test_upgrade_from_http_1(h2):
    h2.start()
    assert curl(h2, "/ten.txt", "--http2", "-w", " %{http_version}") == "0123456789 2"
    with h2.connect() as conn:
        headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "!!!"}
        assert conn.request("GET", "/ten.txt", headers).version == "1.1"     # settings that are none


@pytest.mark.parametrize("lines, version", [("H2Upgrade Off", "1.1"), ("Protocols http/1.1", "1.1")])
def test_no_upgrade(h2, lines, version):
    h2.lines = [line for line in h2.lines if "Protocols" not in line]
    h2.conf("Protocols h2c http/1.1" if "Protocols" not in lines else "").conf(lines).start()
    assert curl(h2, "/ten.txt", "--http2", "-w", " %{http_version}") == "0123456789 " + version


def test_direct_off_is_http_1(h2):
    h2.conf("H2Direct Off").start()
    with h2raw.connect(h2) as c:
        c._receive(9)
        assert c.buffer.startswith(b"HTTP/1.1 "[9:]) or c.closed


def test_without_the_module_protocols_offers_nothing(site):
    site.conf("Protocols h2c http/1.1").file("ten.txt", b"0123456789").start()
    assert curl(site, "/ten.txt", "--http2", "-w", " %{http_version}") == "0123456789 1.1"


def test_alpn(h2):
    h2.lines = [line.replace("h2c", "h2") for line in h2.lines]
    h2.tls().start()
    ask = ["curl", "-s", "--cacert", certs.shared().dir / "ca.crt", "--resolve", f"localhost:{h2.port}:127.0.0.1",
           "-w", " %{http_version}", f"https://localhost:{h2.port}/ten.txt"]
    assert run(*ask, "--http2") == "0123456789 2"
    assert run(*ask, "--http1.1") == "0123456789 1.1"


def test_the_preface_byte_by_byte(h2):
    h2.start()
    with h2raw.connect(h2, preface=False) as c:
        for byte in h2raw.PREFACE + h2raw.settings():
            c.send(bytes([byte]))
        c.request(1, "/ten.txt")
        assert c.answer(1).body == b"0123456789"


# --- requests and answers ---

def test_many_requests_at_once(h2):
    for i in range(30):
        h2.file(f"{i}.txt", f"content {i}")
    h2.start()
    with h2raw.connect(h2) as c:
        for i in range(30):
            c.request(2 * i + 1, f"/{i}.txt")
        for i in range(30):
            c.answer(2 * i + 1)
        assert [c.answers[2 * i + 1].body for i in range(30)] == [f"content {i}".encode() for i in range(30)]
    lines = h2.wait(lambda: len(h2.access_log) == 30 and h2.access_log, "30 lines")
    assert {line.split('"')[1] for line in lines} == {f"GET /{i}.txt HTTP/2.0" for i in range(30)}


def test_a_large_file_and_a_small_one_beside_it(h2):
    content = os.urandom(3_000_000)
    h2.file("big.bin", content).start()
    with h2raw.connect(h2, window=100_000) as c:
        c.window(0, 10_000_000)
        c.request(1, "/big.bin").request(3, "/ten.txt")
        assert c.answer(3).body == b"0123456789"
        while len(c.answers[1].body) < len(content):
            c.window(1, 100_000)
            c.until(lambda f: f.stream == 1)
        assert c.answers[1].body == content


def test_head_has_no_body(h2):
    h2.start()
    with h2raw.connect(h2) as c:
        answer = c.request(1, "/ten.txt", "HEAD").answer(1)
        assert (answer.status, answer["content-length"], answer.body) == (200, "10", b"")


def test_fields_of_a_connection_are_not_sent(h2):
    h2.modules("headers").conf('Header set Connection close\nHeader set Upgrade foo\nHeader set Keep-Alive "timeout=5"').start()
    with h2raw.connect(h2) as c:
        names = {name for name, _ in c.request(1, "/ten.txt").answer(1).fields}
        assert not names & {"connection", "upgrade", "keep-alive", "transfer-encoding"}
        assert all(name == name.lower() for name in names)


def test_not_modified(h2):
    h2.start()
    with h2raw.connect(h2) as c:
        etag = c.request(1, "/ten.txt").answer(1)["etag"]
        answer = c.request(3, "/ten.txt", extra=[("if-none-match", etag)]).answer(3)
        assert (answer.status, answer.body) == (304, b"")


def test_error_page(h2):
    h2.start()
    with h2raw.connect(h2) as c:
        answer = c.request(1, "/nothing").answer(1)
        assert answer.status == 404 and b"Not Found" in answer.body


def test_virtual_host_by_authority(h2):
    h2.file("other/who.txt", "the other").file("who.txt", "the first")
    h2.conf("<VirtualHost *:{port}>\nServerName localhost\nDocumentRoot \"{root}\"\n</VirtualHost>\n"
            "<VirtualHost *:{port}>\nServerName other.test\nDocumentRoot \"{root}/other\"\n</VirtualHost>").start()
    with h2raw.connect(h2) as c:
        assert c.request(1, "/who.txt", authority="other.test").answer(1).body == b"the other"
        assert c.request(3, "/who.txt").answer(3).body == b"the first"


def test_variables(h2):
    with_script(h2).start()
    with h2raw.connect(h2, push=0) as c:
        text = c.request(1, "/cgi/env", extra=[("cookie", "a=1"), ("cookie", "b=2")]).answer(1).body.decode().split("\n")
    assert {"HTTP2=on", "H2PUSH=off", "H2_STREAM_ID=1", "SERVER_PROTOCOL=HTTP/2.0", "HTTP_COOKIE=a=1; b=2",
            "HTTP_HOST=localhost"} <= set(text)


@pytest.mark.parametrize("name, value, expect", [
    (":authority", "u@h", 400), (":path", "/%zz", 400), (":path", "/a%2fb", 404),
    (":method", "BREW", 501), (":path", "/" + "a" * 9000, 414), ("x-long", "a" * 9000, 431), ("expect", "wonders", 417),
    ("x y", "1", 400), ("host", "other.test", 200)])
def test_requests_that_are_refused(h2, name, value, expect):
    h2.start()
    with h2raw.connect(h2) as c:
        fields = dict(c.fields("/ten.txt"))
        fields[name] = value
        assert c.send(c.head(1, list(fields.items()))).answer(1).status == expect
        assert c.request(3, "/ten.txt").answer(3).status == 200


def test_too_many_fields(h2):
    h2.conf("LimitRequestFields 10").start()
    with h2raw.connect(h2) as c:
        extra = [(f"x-{i}", "1") for i in range(11)]
        assert c.request(1, "/ten.txt", extra=extra[:10]).answer(1).status == 200
        assert c.request(3, "/ten.txt", extra=extra).answer(3).status == 431


@pytest.mark.spec("RFC9113-8.2.2")
@pytest.mark.parametrize("extra", [[("connection", "close")], [("transfer-encoding", "chunked")], [("te", "gzip")],
                                   [("upgrade", "h2c")], [("keep-alive", "1")], [(":path", "/twice")], [(":unknown", "1")]])
def test_malformed_requests_are_stream_errors(h2, extra):
    h2.start()
    with h2raw.connect(h2) as c:
        assert c.request(1, "/ten.txt", extra=extra).answer(1).reset == h2raw.PROTOCOL_ERROR
        assert c.request(3, "/ten.txt").answer(3).status == 200


def test_connect_is_refused(h2):
    h2.start()
    with h2raw.connect(h2) as c:
        c.send(c.head(1, [(":method", "CONNECT"), (":authority", "other.test:443")]))
        assert c.answer(1).status == 405


# --- bodies of requests ---

def test_a_body(h2):
    with_script(h2).start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/env", "POST", end=False)
        for _ in range(20):
            c.data(1, b"x" * 1000)
        c.data(1, b"", end=True)
        assert c.answer(1).body.endswith(b"body=20000\n")


def test_a_body_larger_than_the_window(h2):
    with_script(h2).start()
    body = h2.dir / "body"
    body.write_bytes(b"y" * 1_000_000)
    assert curl(h2, "/cgi/env", "--http2-prior-knowledge", "-T", body).endswith("body=1000000\n")


def test_padding_counts_as_window(h2):
    with_script(h2).start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/env", "POST", end=False)
        piece = h2raw.frame(h2raw.DATA, h2raw.PADDED, 1, bytes([255]) + b"z" * 1000 + bytes(255))
        for _ in range(40):
            c.send(piece)
        c.ping()
        for _ in range(40):
            c.send(piece)
        c.data(1, b"", end=True)
        assert c.answer(1).body.endswith(b"body=80000\n")


def test_content_length_that_is_wrong(h2):
    with_script(h2).start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/env", "POST", [("content-length", "5")], end=False).data(1, b"abc", end=True)
        assert c.answer(1).reset == h2raw.PROTOCOL_ERROR
        assert c.request(3, "/ten.txt").answer(3).status == 200


def test_limit_request_body(h2):
    with_script(h2).conf("LimitRequestBody 100").start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/env", "POST", end=False).data(1, b"a" * 101, end=True)
        assert c.answer(1).status == 413


def test_an_answer_before_the_body_has_ended(h2):
    h2.conf("<Location /closed>\nRequire all denied\n</Location>").start()
    with h2raw.connect(h2) as c:
        c.request(1, "/closed", "POST", end=False)
        assert c.answer(1).status == 403
        assert c.until(lambda f: f.stream == 1).error() == h2raw.NO_ERROR


def test_expect_100(h2):
    with_script(h2).start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/env", "POST", [("expect", "100-continue")], end=False)
        c.until(lambda f: f.type == h2raw.HEADERS)
        assert c.answers[1].interim == [[(":status", "100")]]
        c.data(1, b"abc", end=True)
        assert c.answer(1).body.endswith(b"body=3\n")


def test_trailers_of_a_request(h2):
    with_script(h2)
    h2.conf('LogFormat "%{X-Sum}^ti" trailers\nCustomLog "{run}/trailers.log" trailers').start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/env", "POST", end=False).data(1, b"abc")
        c.send(c.head(1, [("x-sum", "42")]))
        assert c.answer(1).body.endswith(b"body=3\n")
    log = h2.run_dir / "trailers.log"
    assert h2.wait(lambda: log.exists() and log.read_text(), "the log") == "42\n"


# --- beside answers ---

def test_early_hints(h2):
    h2.conf("H2EarlyHints On\nH2Push Off\n<Location /ten.txt>\nH2PushResource /style.css critical\n"
            "H2EarlyHint X-Hint yes\n</Location>").start()
    with h2raw.connect(h2) as c:
        answer = c.request(1, "/ten.txt").answer(1)
        assert answer.interim == [[(":status", "103"), ("link", "</style.css>; rel=preload; critical"), ("x-hint", "yes")]]
        assert answer.status == 200 and not c.promises


def test_push(h2):
    h2.file("style.css", "body{}").modules("headers")
    h2.conf('<Location /ten.txt>\nHeader add Link "</style.css>; rel=preload"\nHeader add Link "</no.css>; rel=preload; nopush"\n'
            "</Location>").start()
    with h2raw.connect(h2) as c:
        assert c.request(1, "/ten.txt").answer(1).status == 200
        assert c.answer(2).body == b"body{}"
        assert dict(c.promises[2])[":path"] == "/style.css" and list(c.promises) == [2]
        c.request(3, "/ten.txt").answer(3)
        c.ping()
        assert list(c.promises) == [2]                   # the diary knows it
    with h2raw.connect(h2, push=0) as c:
        c.request(1, "/ten.txt").answer(1)
        c.ping()
        assert not c.promises


def test_padded_frames(h2):
    h2.conf("H2Padding 4").start()
    assert curl(h2, "/ten.txt", "--http2-prior-knowledge") == "0123456789"


def test_max_data_frame_len(h2):
    h2.conf("H2MaxDataFrameLen 3").start()
    with h2raw.connect(h2) as c:
        c.request(1, "/ten.txt")
        sizes = []
        c.until(lambda f: (f.type == h2raw.DATA and sizes.append(len(f.payload))) or f.flags & 1 and f.type == h2raw.DATA)
        assert c.answers[1].body == b"0123456789" and max(sizes) == 3


def test_urgent_answers_come_first(h2):
    h2.file("big.bin", bytes(400_000)).start()
    with h2raw.connect(h2, window=1_000_000) as c:
        c.request(1, "/big.bin", extra=[("priority", "u=7")]).request(3, "/big.bin", extra=[("priority", "u=0")])
        c.ping()
        c.window(0, 2_000_000)
        first = c.until(lambda f: f.type == h2raw.DATA and f.flags & h2raw.END_STREAM)
        assert first.stream == 3


# --- the end ---

def test_goaway_when_idle(h2):
    h2.conf("KeepAliveTimeout 100ms").start()
    with h2raw.connect(h2) as c:
        c.request(1, "/ten.txt").answer(1)
        assert c.goaway() == h2raw.NO_ERROR
        assert c.frame() is None


def test_a_reset_ends_the_request(h2):
    h2.modules("cgi").file("cgi/slow", "#!/bin/sh\necho 'Content-Type: text/plain'\necho\necho begun\nexec sleep 60\n", 0o755)
    h2.conf('ScriptAlias /cgi/ "{root}/cgi/"').start()
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/slow")
        c.until(lambda f: f.stream == 1 and f.type == h2raw.HEADERS)
        c.reset(1)
        assert c.request(3, "/ten.txt").answer(3).status == 200
        h2.wait(lambda: any("/cgi/slow" in line for line in h2.access_log), "the line of the request that was reset")


def test_the_client_goes_away(h2):
    h2.file("big.bin", bytes(3_000_000)).start()
    with h2raw.connect(h2) as c:
        c.request(1, "/big.bin").request(3, "/big.bin")
        c.until(lambda f: f.type == h2raw.DATA)
    h2.wait(lambda: len(h2.access_log) == 2, "both lines")
    assert curl(h2, "/ten.txt", "--http2-prior-knowledge") == "0123456789"


def test_graceful_restart_finishes_streams(h2):
    h2.file("big.bin", bytes(300_000)).start()
    with h2raw.connect(h2) as c:
        c.request(1, "/big.bin")
        c.until(lambda f: f.type == h2raw.DATA)
        h2.signal(signal.SIGUSR1)
        assert c.goaway() == h2raw.NO_ERROR
        c.window(0, 1_000_000).window(1, 1_000_000)
        assert len(c.answer(1).body) == 300_000
        assert c.until(lambda f: False) is None and c.closed


@pytest.mark.parametrize("model", ["prefork", "worker"])
def test_other_process_models(h2, model):
    h2.module_names = [name if not name.startswith("mpm_") else f"mpm_{model}" for name in h2.module_names]
    h2.start()
    with h2raw.connect(h2) as c:
        for i in range(10):
            c.request(2 * i + 1, "/ten.txt")
        assert c.answer(19).status == 200
        c.ping()
        assert all(c.answers[2 * i + 1].body == b"0123456789" for i in range(10))


def test_h2load(h2):
    h2.start()
    out = run("h2load", "-n", "500", "-c", "4", "-m", "20", f"http://127.0.0.1:{h2.port}/ten.txt")
    assert "500 succeeded, 0 failed" in out
    h2.wait(lambda: len(h2.access_log) == 500, "500 lines")
