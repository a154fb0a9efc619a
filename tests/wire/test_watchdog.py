"""Handlers that never let others run: they are named, and the service manager hears of it."""
import socket

import pytest


@pytest.fixture
def busy(site):
    """/busy?MS computes for so many milliseconds, without a pause."""
    module = site.binary.parent / "tests/modules/mod_busy.so"
    if not module.is_file():
        pytest.skip("the module is not built beside the program (ninja all)")
    return site.conf(f'LoadModule busy_module "{module}"\n<Location /busy>\nSetHandler busy\n</Location>\n'
                     "StartServers 1\nServerLimit 1")


@pytest.mark.parametrize("model", ["event", "worker", "prefork"])
def test_the_request_is_named(busy, model):
    busy.module_names[busy.module_names.index("mpm_event")] = f"mpm_{model}"
    busy.conf("HandlerWatchdog 1").start()
    with busy.raw(b"GET /busy?3000 HTTP/1.1\r\nHost: x\r\n\r\n") as conn:
        busy.wait_log(r'PN20905.*for [1-9] seconds, in the request "GET /busy\?3000 HTTP/1.1"')
        assert conn.response(timeout_s=20).body == b"done"
    assert busy.error_log.count("PN20905") == 1


def test_short_ones_are_not(busy):
    busy.conf("HandlerWatchdog 2").start()
    for _ in range(3):
        assert busy.get("/busy?50").body == b"done"
    assert "PN20905" not in busy.error_log


def test_a_worker_thread_holds_up_only_its_own_connection(busy):
    busy.module_names[busy.module_names.index("mpm_event")] = "mpm_worker"
    busy.file("ten.txt", b"0123456789").conf("ThreadsPerChild 3\nMaxRequestWorkers 3").start()
    with busy.raw(b"GET /busy?2000 HTTP/1.1\r\nHost: x\r\n\r\n") as conn:
        assert busy.get("/ten.txt").body == b"0123456789"
        assert not conn.wait_bytes(0)
        assert conn.response(timeout_s=20).body == b"done"


def test_the_service_manager_is_not_told_that_all_is_well(busy):
    path = str(busy.dir / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(10)
        busy.conf("HandlerWatchdog 1").start(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
        while b"WATCHDOG=1" not in notify.recv(4096):
            pass
        with busy.raw(b"GET /busy?4000 HTTP/1.1\r\nHost: x\r\n\r\n") as conn:
            notify.settimeout(1)
            with pytest.raises(TimeoutError):
                while True:
                    notify.recv(4096)
            notify.settimeout(10)
            assert conn.response(timeout_s=20).body == b"done"
        while b"WATCHDOG=1" not in notify.recv(4096):
            pass
