"""What clients do to connections: slow, early, half-closed, rude, many."""
import random
import select
import socket
import time

import pytest

from lib import http1

REQUEST = b"GET /ten.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


@pytest.mark.spec("RFC9112-2.2")
def test_head_byte_by_byte(ten):
    ten.start()
    with ten.connect() as conn:
        for _ in range(3):
            for n in range(len(REQUEST)):
                assert conn.end is None
                conn.send(REQUEST[n:n + 1])
            assert conn.response().body == b"0123456789"


@pytest.mark.spec("RFC9112-2.2")
def test_head_split_at_every_byte(ten):
    """Two pieces, the second sent only when the first has been taken in."""
    ten.start()
    with ten.connect() as conn:
        for n in range(1, len(REQUEST)):
            conn.send(REQUEST[:n])
            assert not select.select([conn.sock], [], [], 0.002)[0]
            conn.send(REQUEST[n:])
            assert conn.response().body == b"0123456789", n


@pytest.mark.spec("RFC9112-9.3.2")
def test_hundred_pipelined(ten):
    for n in range(100):
        ten.file(f"n{n}.txt", b"<%d>" % n)
    ten.start()
    with ten.connect() as conn:
        conn.send(b"".join(b"GET /n%d.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" % n
                           for n in range(100)))
        for n in range(100):
            assert conn.response().body == b"<%d>" % n
        assert conn.wait_end(0.05) == "open"


@pytest.mark.spec("RFC9112-9.3.2")
def test_pipelined_bodies_are_skipped(ten):
    ten.start()
    head = b"POST /ten.txt HTTP/1.1\r\nHost: localhost\r\n"
    post = head + b"Content-Length: 1000\r\n\r\n" + b"z" * 1000
    chunked = (head + b"Transfer-Encoding: chunked\r\n\r\n"
               + b"3e8\r\n" + b"y" * 1000 + b"\r\n0\r\n\r\n")
    with ten.connect() as conn:
        conn.send((post + chunked + REQUEST) * 20)
        for _ in range(60):
            assert conn.response().body == b"0123456789"


def test_pipelined_large_answers_to_a_late_reader(ten):
    """The server must stop reading requests when the answers do not leave, and lose none."""
    ten.file("meg.bin", bytes(1024 * 1024)).start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"GET /meg.bin HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30)
        for _ in range(30):
            assert len(conn.response().body) == 1024 * 1024


@pytest.mark.spec("RFC9112-9.6")
def test_half_close_gets_all_answers(ten):
    ten.file("meg.bin", bytes(range(256)) * 4096).start()
    with ten.connect() as conn:
        conn.send(REQUEST * 5 + b"GET /meg.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        conn.shutdown_write()
        for _ in range(5):
            assert conn.response().body == b"0123456789"
        assert conn.response().body == bytes(range(256)) * 4096
        assert conn.wait_end(5) == "closed"


def test_garbage_is_refused(ten):
    """Two megabytes of noise: an answer or an end, soon, and the server lives."""
    ten.start()
    noise = random.Random(1)
    for seed in range(5):
        data = noise.randbytes(2 * 1024 * 1024)
        if seed % 2:
            data = data.replace(b"\n", b"")
        with ten.connect() as conn:
            conn.send(data)
            assert conn.wait_end(10) != "open"
            assert conn.buffer[:5] in (b"HTTP/", b"<!DOC", b"")
    assert ten.get("/ten.txt").body == b"0123456789"


def test_endless_head_is_refused(ten):
    ten.start()
    with ten.connect() as conn:
        conn.send(b"GET /ten.txt HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(2000):
            conn.send(b"X-Field: " + b"v" * 1000 + b"\r\n")
            if conn.send_broke:
                break
        assert conn.wait_end(10) != "open"
    assert ten.get("/ten.txt").status == 200


def test_many_connections(ten):
    """300 connections at once, each alive, asked in turn and in bursts."""
    ten.conf("KeepAliveTimeout 60\nThreadsPerChild 50\nMaxRequestWorkers 400").start()
    conns = [ten.connect(timeout_s=20) for _ in range(300)]
    try:
        for _ in range(2):
            for conn in conns:
                conn.send(REQUEST)
            for conn in conns:
                assert conn.response().body == b"0123456789"
    finally:
        for conn in conns:
            conn.close()


def test_aborted_clients(ten):
    """Resets at every stage of a request leave the server well and its log honest."""
    ten.file("big.bin", bytes(8 * 1024 * 1024)).start()
    big = b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for n in range(60):
        conn = ten.connect()
        stage = n % 4
        if stage == 1:
            conn.send(REQUEST[:20])
        elif stage == 2:
            conn.send(big)
        elif stage == 3:
            conn.send(big)
            conn.wait_bytes(5)
        conn.abort()
    assert ten.get("/ten.txt").body == b"0123456789"
    ten.wait(lambda: any(" 200 10" in line for line in ten.access_log), "the last line of the log")


def test_client_that_never_reads_is_dropped(ten):
    ten.file("big.bin", bytes(64 * 1024 * 1024)).conf("Timeout 1").start()
    with socket.socket() as rude:
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        rude.connect(("127.0.0.1", ten.port))
        rude.sendall(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        ten.wait(lambda: any("big.bin" in line for line in ten.access_log),
                 "the request to be given up and logged", 15)
    assert ten.get("/ten.txt").status == 200


@pytest.mark.spec("RFC9110-15.5.9")
def test_slow_head_ends_with_408(ten):
    ten.conf("Timeout 1").start()
    started = time.monotonic()
    with ten.connect(timeout_s=15) as conn:
        conn.send(REQUEST[:-10])
        answer = conn.response()
        assert (answer.status, answer.says_close) == (408, True)
        assert conn.wait_end(5) == "closed"
    assert 0.9 < time.monotonic() - started < 8


def test_keep_alive_timeout(ten):
    ten.conf("KeepAliveTimeout 1").start()
    with ten.connect() as conn:
        conn.send(REQUEST)
        conn.response()
        started = time.monotonic()
        assert conn.wait_end(8) == "closed"
        assert 0.8 < time.monotonic() - started < 4
        assert not conn.buffer


@pytest.mark.spec("RFC9112-9.6")
def test_answer_survives_unread_request_bytes(ten):
    """After a refusal the rest of the request is still coming: the client must get the answer, not
    a reset in its place."""
    ten.conf("LimitRequestBody 1000").start()
    for _ in range(10):
        with ten.connect() as conn:
            conn.send(b"POST /ten.txt HTTP/1.1\r\nHost: localhost\r\n"
                      b"Content-Length: 400000\r\n\r\n" + b"b" * 400000)
            assert conn.response().status == 413


@pytest.mark.spec("RFC9110-10.1.1")
def test_expect_100_continue(ten):
    ten.start()
    with ten.connect() as conn:
        conn.send(b"POST /ten.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                  b"Expect: 100-continue\r\n\r\n")
        assert conn.response().status == 100
        conn.send(b"abc" + REQUEST)
        assert conn.response().status == 200
        assert conn.response().status == 200


def test_ipv6(ten):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    ten.listen.append(f"Listen [::1]:{ten.port}")
    ten.conf('LogFormat "from %a" who\nCustomLog "{run}/who.log" who').start()
    with ten.connect(host="::1") as conn:
        assert conn.request("GET", "/ten.txt", {"Host": f"[::1]:{ten.port}"}).status == 200
    log = ten.run_dir / "who.log"
    ten.wait(lambda: log.read_text() == "from ::1\n", "the address in the log")


def test_listen_on_all_addresses(ten):
    ten.listen = [f"Listen {ten.port}"]
    ten.start()
    assert ten.get("/ten.txt").status == 200


def test_strict_parser_refuses_sloppy_answers():
    """The client itself: what it must not forgive."""
    for head in (b"HTTP/1.1 200 OK\r\nA : b", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n folded",
                 b"HTTP/1.1 200 OK\r\nA: b\nB: c", b"HTTP/1.1 200 OK\r\nA: \0"):
        with pytest.raises(http1.ProtocolError):
            http1.parse_head(head)
    both = http1.parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked")
    with pytest.raises(http1.ProtocolError):
        http1.body_framing("GET", both)
