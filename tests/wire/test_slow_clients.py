"""Slow clients: RequestReadTimeout, and that they do not get in the way of others."""
import resource
import socket

import pytest

HEAD = b"GET /ten.txt HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def ten(site):
    return site.file("ten.txt", b"0123456789")


def test_head_that_stays_incomplete_is_answered_with_408(ten):
    ten.conf("RequestReadTimeout header=1").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(HEAD)
        answer = conn.response()
        assert (answer.status, answer.says_close) == (408, True)


def test_request_line_that_stays_incomplete_is_closed_and_logged(ten):
    ten.conf("RequestReadTimeout header=1").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"GET /ten.t")
        assert conn.wait_end(15) == "closed"
        assert not conn.buffer
    ten.wait(lambda: any('"-" 408 -' in line for line in ten.access_log), "the line of the log")
    ten.wait_log("Request header read timeout")


def test_connection_that_says_nothing_is_closed(ten):
    """An empty line is nothing. (Without a byte the kernel would not even hand the connection over.)"""
    ten.conf("RequestReadTimeout header=1").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"\r\n")
        assert conn.wait_end(15) == "closed"
        assert not conn.buffer


def test_body_that_stays_incomplete_is_answered_with_408(ten):
    ten.modules("reflector").conf("RequestReadTimeout body=1\nSetHandler reflector").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        answer = conn.response()
        assert (answer.status, answer.says_close) == (408, True)
    ten.wait_log("Request body read timeout")


def test_bytes_extend_the_time(ten):
    """At ten bytes a second a head of forty bytes has five seconds: it is not cut off after one."""
    ten.conf("RequestReadTimeout header=1-9,MinRate=10").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(HEAD)
        with pytest.raises(socket.timeout):
            conn.sock.settimeout(2)
            conn.sock.recv(1)
        conn.sock.settimeout(20)
        conn.send(b"\r\n")
        assert conn.response().status == 200


def test_a_kept_connection_has_its_own_time(ten):
    """The time of a head begins with its first byte; until then KeepAliveTimeout rules."""
    ten.conf("KeepAliveTimeout 30\nRequestReadTimeout header=1").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(HEAD + b"\r\n")
        assert conn.response().status == 200
        conn.sock.settimeout(2)
        with pytest.raises(socket.timeout):
            conn.sock.recv(1)
        conn.sock.settimeout(20)
        conn.send(HEAD + b"\r\n")
        assert conn.response().status == 200
        conn.send(HEAD)
        assert conn.response().status == 408


def test_limit_of_another_host_does_not_count(ten):
    """The body's limit is that of the host which is asked, as the head's is that of the address."""
    ten.modules("reflector").conf("""SetHandler reflector
<VirtualHost *:{port}>
ServerName first
</VirtualHost>
<VirtualHost *:{port}>
ServerName second
RequestReadTimeout body=1
</VirtualHost>""").start()
    with ten.connect(timeout_s=20) as conn:
        conn.send(b"POST / HTTP/1.1\r\nHost: second\r\nContent-Length: 10\r\n\r\n")
        assert conn.response().status == 408


@pytest.mark.parametrize("line, error", [
    ("RequestReadTimeout header=20-10,MinRate=500", "longest time"),
    ("RequestReadTimeout header=20-40", "needs a MinRate"),
    ("RequestReadTimeout header=0,MinRate=5", "without a time"),
    ("RequestReadTimeout header=x", "no time in seconds"),
    ("RequestReadTimeout header=20,Rate=5", "MinRate=bytes-per-second"),
    ("RequestReadTimeout foot=20", "Unknown RequestReadTimeout parameter"),
])
def test_wrong_settings(ten, line, error):
    ten.conf(line).write_conf()
    done = ten.run("-t")
    assert done.returncode != 0 and error in done.stderr + done.stdout


def test_two_hundred_slow_clients_hinder_nobody(ten):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 600 and hard >= 600:
        resource.setrlimit(resource.RLIMIT_NOFILE, (600, hard))
    ten.modules("reflector").file("big.bin", b"x" * 4_000_000)
    ten.conf("<Location /up>\nSetHandler reflector\n</Location>").start()
    starts = [HEAD, b"GET /", b"",
              b"POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc",
              b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"]
    slow = []
    try:
        for i in range(200):
            conn = ten.connect(timeout_s=20)
            conn.send(starts[i % len(starts)])
            slow.append(conn)
        for _ in range(20):
            assert ten.get("/ten.txt").body == b"0123456789"
        for conn, start in zip(slow, starts):
            if start == HEAD:
                conn.send(b"\r\n")
                assert conn.response().status == 200
    finally:
        for conn in slow:
            conn.close()
