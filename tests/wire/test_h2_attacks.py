"""Clients of HTTP/2 that cost more than they ask for: each is bounded, and ended with GOAWAY and one line in the log.
RFC 9113 s10.5; the names are those under which the attacks became known."""
import contextlib
import socket
import struct
import threading

import pytest

from lib import h2raw

pytestmark = pytest.mark.spec("RFC9113-10.5")


@pytest.fixture
def h2(site):
    site.modules("http2", "cgi").file("ten.txt", b"0123456789")
    site.file("cgi/slow", "#!/bin/sh\nexec sleep 60\n", 0o755)
    return site.conf('Protocols h2c http/1.1\nScriptAlias /cgi/ "{root}/cgi/"').start()


def flood(c, data, times):
    """Sends while somebody reads, so that no full buffer ends it before the server does."""
    def send():
        for _ in range(times):
            if c.closed:
                break
            c.send(data)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return c.goaway()
    finally:
        c.closed = True
        with contextlib.suppress(OSError):
            c.sock.shutdown(socket.SHUT_RDWR)
        sender.join()


def others_are_served(h2):
    with h2raw.connect(h2) as c:
        assert c.request(1, "/ten.txt").answer(1).status == 200


def told_once(h2, number):
    h2.wait_log(f"PN{number}")
    others_are_served(h2)
    assert h2.error_log.count(f"PN{number}") == 1


def test_rapid_reset(h2):
    with h2raw.connect(h2) as c:
        requests = b"".join(c.head(2 * i + 1, c.fields("/cgi/slow")) + h2raw.frame(h2raw.RST_STREAM, 0, 2 * i + 1, b"\0\0\0\x08")
                            for i in range(1000))
        assert flood(c, requests, 1) == h2raw.ENHANCE_YOUR_CALM
    told_once(h2, 21403)


def test_made_you_reset(h2):
    """The client breaks a rule of the stream, so that it is the server that resets it: CVE-2025-8671."""
    with h2raw.connect(h2) as c:
        requests = b"".join(c.head(2 * i + 1, c.fields("/cgi/slow")) +
                            h2raw.frame(h2raw.WINDOW_UPDATE, 0, 2 * i + 1, b"\0\0\0\0") for i in range(200))
        assert flood(c, requests, 1) in (h2raw.ENHANCE_YOUR_CALM, h2raw.PROTOCOL_ERROR)
    others_are_served(h2)


def test_made_you_reset_by_data_after_the_end(h2):
    with h2raw.connect(h2) as c:
        requests = b"".join(c.head(2 * i + 1, c.fields("/cgi/slow")) + h2raw.frame(h2raw.DATA, 0, 2 * i + 1, b"x")
                            for i in range(200))
        assert flood(c, requests, 1) in (h2raw.ENHANCE_YOUR_CALM, h2raw.STREAM_CLOSED)
    others_are_served(h2)


def test_continuation_flood(h2):
    with h2raw.connect(h2) as c:
        c.send(h2raw.frame(h2raw.HEADERS, 0, 1, c.encoder.encode(c.fields("/ten.txt"))))
        field = b"\x00\x04x-aa\x7f\x81\x07" + b"b" * 262
        assert flood(c, h2raw.frame(h2raw.CONTINUATION, 0, 1, field * 30), 2000) in (
            h2raw.ENHANCE_YOUR_CALM, h2raw.PROTOCOL_ERROR, h2raw.INTERNAL_ERROR, None)
    others_are_served(h2)


@pytest.mark.parametrize("frame", [
    h2raw.frame(h2raw.PING, 0, 0, bytes(8)),
    h2raw.settings(window=65535),
    h2raw.frame(h2raw.SETTINGS),
    h2raw.frame(h2raw.PRIORITY, 0, 1, b"\0\0\0\x03\x10"),
    h2raw.frame(h2raw.PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=1"),
    h2raw.frame(h2raw.WINDOW_UPDATE, 0, 0, b"\0\0\0\x01"),
], ids=["ping", "settings", "empty-settings", "priority", "priority-update", "window-update"])
def test_frames_that_ask_for_nothing(h2, frame):
    with h2raw.connect(h2) as c:
        assert flood(c, frame * 100, 400) in (h2raw.ENHANCE_YOUR_CALM, h2raw.PROTOCOL_ERROR)
    others_are_served(h2)


@pytest.mark.spec("RFC9113-4.1")
def test_unknown_frames_are_passed_over(h2):
    with h2raw.connect(h2) as c:
        c.send(h2raw.frame(0xee, 0, 0, b"x") * 5000)
        assert c.request(1, "/ten.txt").answer(1).status == 200


def test_empty_data(h2):
    with h2raw.connect(h2) as c:
        c.request(1, "/cgi/slow", "POST", end=False)
        assert flood(c, h2raw.frame(h2raw.DATA, 0, 1) * 100, 100) == h2raw.ENHANCE_YOUR_CALM
    told_once(h2, 21402)


def test_empty_headers(h2):
    """Fields without a name, again and again: each is malformed."""
    with h2raw.connect(h2) as c:
        heads = b"".join(h2raw.frame(h2raw.HEADERS, 5, 2 * i + 1, b"") for i in range(300))
        assert flood(c, heads, 1) in (h2raw.ENHANCE_YOUR_CALM, h2raw.PROTOCOL_ERROR, h2raw.COMPRESSION_ERROR)
    others_are_served(h2)


def test_header_bomb(h2):
    """One large field in the table, named by a byte each time."""
    with h2raw.connect(h2) as c:
        value = b"v" * 3900
        big = b"\x40\x01a\x7f" + bytes([(3900 - 127) & 0x7f | 0x80, (3900 - 127) >> 7]) + value
        block = c.encoder.encode(c.fields("/ten.txt")) + big + b"\xbe" * 8000
        c.send(h2raw.frame(h2raw.HEADERS, 5, 1, block))
        assert c.answer(1).status == 431
    others_are_served(h2)


def test_zero_window_is_given_up(h2):
    h2.stop()
    h2.conf("H2StreamTimeout 1\nTimeout 5").file("big.bin", bytes(500_000)).start()
    with h2raw.connect(h2, window=0) as c:
        c.request(1, "/big.bin")
        assert c.answer(1).reset == h2raw.CANCEL
        c.send(h2raw.settings(window=65535))
        assert c.request(3, "/ten.txt").answer(3).body == b"0123456789"
    h2.wait(lambda: any("big.bin" in line for line in h2.access_log), "the line")


def test_tiny_windows(h2):
    with h2raw.connect(h2, window=1) as c:
        c.request(1, "/ten.txt")
        for _ in range(9):
            c.until(lambda f: f.type == h2raw.DATA)
            c.window(1, 1)
        assert c.answer(1).body == b"0123456789"


def test_a_client_that_does_not_read(h2):
    """Answers wait in the socket and in one batch; pings that nobody reads the answers of do not pile up."""
    h2.stop()
    h2.conf("Timeout 1").file("big.bin", bytes(3_000_000)).start()
    with h2raw.connect(h2, window=2**31 - 1) as c:
        c.window(0, 2**31 - 1 - 65535)
        for i in range(20):
            c.request(2 * i + 1, "/big.bin")
        h2.wait(lambda: len(h2.access_log) == 20, "all lines")
    others_are_served(h2)


@pytest.mark.parametrize("frame, code", [
    (h2raw.frame(h2raw.DATA, 0, 0, b"x"), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.DATA, 0, 5, b"x"), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.PING, 0, 0, b"short"), h2raw.FRAME_SIZE_ERROR),
    (h2raw.frame(h2raw.SETTINGS, 0, 0, b"12345"), h2raw.FRAME_SIZE_ERROR),
    (h2raw.frame(h2raw.SETTINGS, h2raw.ACK, 0, b"123456"), h2raw.FRAME_SIZE_ERROR),
    (h2raw.frame(h2raw.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1)), h2raw.FLOW_CONTROL_ERROR),
    (h2raw.frame(h2raw.RST_STREAM, 0, 7, b"\0\0\0\x08"), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.CONTINUATION, 4, 1, b""), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.PUSH_PROMISE, 4, 1, b"\0\0\0\x02"), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.HEADERS, 5, 2, b"\x82"), h2raw.PROTOCOL_ERROR),
    (h2raw.frame(h2raw.HEADERS, 5, 1, b"\xff\xff\xff\xff\xff"), h2raw.COMPRESSION_ERROR),
    (b"\x00\x40\x01" + bytes([h2raw.DATA, 0, 0, 0, 0, 1]) + bytes(0x4001), h2raw.FRAME_SIZE_ERROR),
    (h2raw.settings(window=2**31), h2raw.FLOW_CONTROL_ERROR),
    (h2raw.settings(frame=1), h2raw.PROTOCOL_ERROR),
], ids=str)
def test_frames_that_break_the_rules(h2, frame, code):
    with h2raw.connect(h2) as c:
        assert c.send(frame).goaway() == code
        assert c.until(lambda f: False) is None
    others_are_served(h2)


@pytest.mark.parametrize("told", [False, True])
def test_more_streams_than_admitted(h2, told):
    """Those who have not heard the limit yet are told to ask again, the others break a rule."""
    h2.stop()
    h2.conf("H2MaxSessionStreams 3").start()
    with h2raw.connect(h2) as c:
        if told:
            c.ping()
        c.send(b"".join(c.head(2 * i + 1, c.fields("/cgi/slow")) for i in range(5)))
        if told:
            assert c.goaway() == h2raw.PROTOCOL_ERROR and c.until(lambda f: False) is None
        else:
            assert c.answer(9).reset == h2raw.REFUSED_STREAM
    others_are_served(h2)


def test_requests_taken_back_count_until_they_have_ended(h2):
    """Streams that were reset while their requests are at work make no room for others."""
    h2.stop()
    h2.conf("H2MaxSessionStreams 3").start()
    with h2raw.connect(h2) as c:
        c.ping()
        for i in range(50):
            c.request(2 * i + 1, "/cgi/slow").reset(2 * i + 1)
        assert c.request(201, "/ten.txt").answer(201).status in (200, None)
    others_are_served(h2)


def test_asking_again_and_again(h2):
    """Requests beyond the limit are refused cheaply, and not for ever."""
    h2.stop()
    h2.conf("H2MaxSessionStreams 3").start()
    with h2raw.connect(h2) as c:
        assert flood(c, b"".join(c.head(2 * i + 1, c.fields("/cgi/slow")) for i in range(1000)), 1) in (
            h2raw.ENHANCE_YOUR_CALM, h2raw.PROTOCOL_ERROR)
    others_are_served(h2)


def test_a_stream_after_goaway(h2):
    with h2raw.connect(h2) as c:
        c.request(1, "/ten.txt").answer(1)
        c.send(h2raw.frame(h2raw.GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
        c.request(3, "/ten.txt")
        assert c.until(lambda f: False) is None
    others_are_served(h2)


def test_not_http_2_after_the_preface(h2):
    with h2raw.connect(h2, preface=False) as c:
        c.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert c.until(lambda f: False) is None


def test_a_head_that_never_ends(h2):
    h2.stop()
    h2.conf("Timeout 1").start()
    with h2raw.connect(h2) as c:
        c.ping()
        c.send(h2raw.frame(h2raw.HEADERS, 0, 1, b"\x82"))
        assert c.goaway() == h2raw.NO_ERROR
        assert c.until(lambda f: False) is None
