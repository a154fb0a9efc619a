"""The event model's slots: what counts as a request at work, and what happens when as many are as may be."""
import os
import signal
import time

import pytest

from lib import http1

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
while [ ! -e '{gate}' ]; do sleep 0.02; done
echo done
"""


@pytest.fixture
def event(site):
    """One child with two slots; /slow.cgi is at work until the gate is opened."""
    site.modules("cgi").file("ten.txt", b"0123456789")
    site.file("slow.cgi", SLOW.replace("{gate}", str(site.root / "gate")), 0o755)
    site.conf('AddHandler cgi-script .cgi\n<Directory "{root}">\nOptions +ExecCGI\n</Directory>\nKeepAliveTimeout 30')
    return site.conf("StartServers 1\nServerLimit 1\nThreadsPerChild 2\nMaxRequestWorkers 2")


def open_gate(site):
    site.file("gate", b"")


def waits(conn, seconds=0.3):
    """No answer comes for a while."""
    with pytest.raises(http1.Deadline):
        conn.response(timeout_s=seconds)
    return True


def work(site, count):
    conns = [site.raw(GET % b"slow.cgi") for _ in range(count)]
    site.wait(lambda: sum(bytes(site.root) in read_cmdline(pid) for pid in all_processes()) >= count, "programs at work")
    return conns


def all_processes():
    return [pid for pid in os.listdir("/proc") if pid.isdigit()]


def read_cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_requests_beyond_the_limit_wait(event):
    """A new connection waits in the backlog, a request of an idle one in line; all are answered in the end."""
    event.start()
    with event.connect() as idle:
        assert idle.request("GET", "/ten.txt").status == 200
        busy = work(event, 2)
        idle.send(GET % b"ten.txt")
        new = event.raw(GET % b"ten.txt")
        assert waits(idle) and waits(new, 0.1)
        event.wait_log("AH00484.*from 2 to 4, and ServerLimit to 2")
        open_gate(event)
        assert [conn.response().body for conn in busy] == [b"done\n"] * 2
        assert idle.response().body == b"0123456789"
        assert new.response().body == b"0123456789"
        assert event.get("/ten.txt").status == 200
        for conn in [*busy, new]:
            conn.close()
    assert event.error_log.count("AH00484") == 1


def test_requests_that_come_together_wait_in_line(event):
    """Pipelined ones too, and in their order."""
    event.start()
    with event.connect() as first, event.connect() as second:
        for conn in (first, second):
            assert conn.request("GET", "/ten.txt").status == 200
        busy = work(event, 2)
        first.send(GET % b"ten.txt" + GET % b"none.txt" + GET % b"ten.txt")
        second.send(GET % b"ten.txt")
        assert waits(first) and waits(second, 0.1)
        open_gate(event)
        assert [first.response().status for _ in range(3)] == [200, 404, 200]
        assert second.response().status == 200
        for conn in busy:
            assert conn.response().status == 200
            conn.close()


def test_a_peer_that_goes_while_it_waits(event):
    event.start()
    with event.connect() as idle:
        assert idle.request("GET", "/ten.txt").status == 200
        busy = work(event, 2)
        idle.send(GET % b"ten.txt")
        assert waits(idle, 0.1)
        idle.abort()
    open_gate(event)
    for conn in busy:
        assert conn.response().status == 200
        conn.close()
    assert event.get("/ten.txt").status == 200


def test_idle_connections_hold_no_slot(event):
    event.start()
    conns = [event.connect() for _ in range(30)]
    for conn in conns:
        assert conn.request("GET", "/ten.txt").status == 200
    for conn in conns:
        conn.send(b"GET /ten.t")           # a head that is on its way holds none either
    assert event.get("/ten.txt").status == 200
    for conn in conns:
        conn.close()
    assert "AH00484" not in event.error_log


def test_slow_downloads_hold_no_slot(event):
    size = 32 << 20
    event.file("big.bin", bytes(size)).start()
    downloads = [event.raw(GET % b"big.bin") for _ in range(5)]
    for conn in downloads:
        assert conn.wait_bytes(5)
    assert event.get("/ten.txt").body == b"0123456789"
    assert len(downloads[0].response(timeout_s=20).body) == size
    for conn in downloads:
        conn.close()


def test_async_factor_limits_connections(event):
    """COMPAT: ThreadsPerChild + AsyncRequestWorkerFactor * idle workers: 2 + 1 * 2."""
    event.conf("AsyncRequestWorkerFactor 1").start()
    conns = [event.connect() for _ in range(4)]
    for conn in conns:
        assert conn.request("GET", "/ten.txt").status == 200
    with event.raw(GET % b"ten.txt") as fifth:
        assert waits(fifth)
        conns.pop().close()
        assert fifth.response().status == 200
    for conn in conns:
        conn.close()


def test_spare_children_come_and_go(site):
    """MinSpareThreads and MaxSpareThreads count places of requests at work."""
    site.modules("cgi").file("slow.cgi", SLOW.replace("{gate}", str(site.root / "gate")), 0o755)
    site.conf('AddHandler cgi-script .cgi\n<Directory "{root}">\nOptions +ExecCGI\n</Directory>')
    site.conf("StartServers 1\nThreadsPerChild 2\nMinSpareThreads 2\nMaxSpareThreads 4\nMaxRequestWorkers 8").start()
    others = len(site.children) - 1  # the process that starts programs
    busy = [site.raw(GET % b"slow.cgi") for _ in range(5)]
    site.wait(lambda: len(site.children) - others >= 4, "children for them")
    open_gate(site)
    for conn in busy:
        assert conn.response().status == 200
        conn.close()
    site.wait(lambda: len(site.children) - others <= 2, "spare children to end", 20)


@pytest.mark.parametrize("directive", ["MaxConnectionsPerChild 15", "MaxRequestsPerChild 15"])
def test_the_next_child_serves_before_one_leaves(site, directive):
    """With a single child, nobody has to wait for the change."""
    site.file("ten.txt", b"0123456789").conf(f"StartServers 1\nServerLimit 1\nThreadsPerChild 4\n"
                                             f"MaxRequestWorkers 4\n{directive}").start()
    kept = site.connect()
    assert kept.request("GET", "/ten.txt").status == 200
    first = site.children[0]
    for _ in range(60):
        assert site.get("/ten.txt").body == b"0123456789"
    site.wait(lambda: first not in site.children, "another child")
    kept.close()


def test_children_that_were_killed_are_replaced_at_once(site):
    """However many times: somebody else's kill says nothing about the next child."""
    site.file("ten.txt", b"0123456789").conf("StartServers 2\nMaxRequestWorkers 50").start()
    for _ in range(8):
        before = site.children
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        site.wait(lambda: len(set(site.children) - set(before)) == 2, "two others")
        assert site.get("/ten.txt").status == 200
        assert time.monotonic() - begun < 3    # seconds of pause is what this is about


def memory_of(pid):
    with open(f"/proc/{pid}/statm") as file:
        _, resident, shared = map(int, file.read().split()[:3])
    return (resident - shared) * os.sysconf("SC_PAGESIZE")


def test_memory_comes_back_after_a_burst(site):
    """100 MB of request bodies at once, in a filter's buffers: what was needed is given back."""
    if memory_is_watched_by_a_sanitizer(site):
        pytest.skip("a sanitizer keeps freed memory")
    site.modules("reflector", "buffer").conf("SetHandler reflector\nSetOutputFilter BUFFER\nBufferSize 1048576\n"
                                             "StartServers 1\nThreadsPerChild 64\nMaxRequestWorkers 64").start()
    child = site.children[0]
    site.get("/", method="POST", body=b"x")
    before = memory_of(child)
    part = b"y" * 1000000
    conns = []
    for _ in range(50):
        conn = site.connect(timeout_s=20)
        conn.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + part + part[:-1], timeout_s=20)
        conns.append(conn)
    site.wait(lambda: memory_of(child) > before + (40 << 20), "the memory to be needed")
    for conn in conns:
        conn.send(b"yy")
        assert len(conn.response(timeout_s=20).body) == 2000000
        conn.close()
    site.wait(lambda: site.get("/", method="POST", body=b"x").status == 200 and
              memory_of(child) < before + (16 << 20), "the memory to be given back", 30)


def memory_is_watched_by_a_sanitizer(site):
    return b"__asan_init" in site.binary.read_bytes() or b"__tsan_init" in site.binary.read_bytes()


@pytest.mark.parametrize("model", ["event", "worker", "prefork"])
def test_a_child_with_too_much_memory_is_replaced(site, model):
    """While it serves: nobody is refused."""
    site.module_names[site.module_names.index("mpm_event")] = f"mpm_{model}"
    site.file("big.bin", bytes(300000)).conf("FileCacheMaxFile 1000000\nFileCacheSize 50000000\nStartServers 1\n"
                                             "MaxMemPerChild 4M\nServerLimit 4\nMinSpareServers 1")
    for n in range(60):
        site.file(f"f{n}.bin", bytes([n]) * 300000)
    site.start()
    first = site.children

    def another():
        for n in range(60):
            assert site.get(f"/f{n}.bin").status == 200
        return not set(first) & set(site.children)

    site.wait(another, "another child", 30)
    assert "PN20904" in site.error_log


def test_max_request_workers_auto(site):
    site.conf("MaxRequestWorkers auto\nThreadsPerChild 10").start()
    site.wait_log("PN20902.*MaxRequestWorkers auto is [1-9][0-9]*0: ")
    assert site.get("/").status in (200, 403, 404)


@pytest.mark.parametrize("line", ["MaxRequestWorkers many", "MaxClients 3x", "MaxMemPerChild 12Q", "MaxMemPerChild -1"])
def test_sizes_that_are_none(site, line):
    site.conf(line).write_conf()
    result = site.run("-t")
    assert result.returncode == 1
    assert line.split()[0] in result.stderr
