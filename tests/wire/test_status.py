"""mod_status: the page, its machine-readable forms, and whether the figures are true."""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import zlib

import pytest

PLACE = '<Location /server-status>\nSetHandler server-status\n</Location>'

# ?auto of httpd 2.4 with the event model, in its order; those in brackets come when there is something to divide by.
AUTO = """ServerVersion ServerMPM Server\\ Built CurrentTime RestartTime ParentServerConfigGeneration ParentServerMPMGeneration
ServerUptimeSeconds ServerUptime Load1 Load5 Load15 Total\\ Accesses Total\\ kBytes Total\\ Duration CPUUser CPUSystem
CPUChildrenUser CPUChildrenSystem [CPULoad] Uptime [ReqPerSec] [BytesPerSec] [BytesPerReq] [DurationPerReq] BusyWorkers
GracefulWorkers IdleWorkers Processes Stopping ConnsTotal ConnsAsyncWaitIO ConnsAsyncWriting ConnsAsyncKeepAlive
ConnsAsyncClosing Scoreboard""".replace("\\ ", "\0").split()


@pytest.fixture
def status(site):
    return site.modules("status", "reflector").file("ten.txt", b"0123456789").conf(PLACE)


def auto(site):
    lines = site.get("/server-status?auto").body.decode().splitlines()
    assert lines[0] == "localhost"
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}


def as_json(site):
    return json.loads(site.get("/server-status?json").body)


# --- the text form ---

def test_auto_has_the_names_of_httpd_in_its_order(status):
    status.start()
    status.get("/ten.txt")
    r = status.get("/server-status?auto")
    assert r.status == 200 and r.headers["content-type"] == "text/plain; charset=ISO-8859-1"
    names = [line.split(":")[0] for line in r.body.decode().splitlines()[1:]]
    wanted = [name.replace("\0", " ") for name in AUTO]
    assert [name.strip("[]") for name in wanted if name[0] != "[" or name.strip("[]") in names] == names
    figures = auto(status)
    assert figures["ServerMPM"] == "event"
    assert set(figures["Scoreboard"]) <= set("_SRWKDCLGI.")


def test_without_extended_status_there_are_no_totals(status):
    status.conf("ExtendedStatus Off").start()
    status.get("/ten.txt")
    figures = auto(status)
    assert "Total Accesses" not in figures and "ReqPerSec" not in figures and "Uptime" not in figures
    assert figures["BusyWorkers"] == "1"
    assert b"ExtendedStatus is Off" in status.get("/server-status").body


def test_totals_count_every_request(status):
    status.start()
    before = auto(status)
    for _ in range(7):
        status.get("/ten.txt")
    # The one that told `before` is counted too, for it ended after that; each look counts itself when it is over.
    looks = 0

    def counted():
        nonlocal looks
        looks += 1
        return int(auto(status)["Total Accesses"]) == int(before["Total Accesses"]) + 7 + looks

    status.wait(counted, "seven requests and the looks at them")
    figures = as_json(status)
    assert figures["requests"] == figures["statuses"]["2xx"] and figures["statuses"]["4xx"] == 0
    assert figures["bytes"] > 7 * 10


def test_totals_go_on_when_a_child_is_killed_and_after_a_reload(status):
    status.conf("StartServers 1\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 8\nMaxRequestWorkers 8").start()
    for _ in range(5):
        status.get("/ten.txt")
    first = as_json(status)
    os.kill(first["children"][0]["pid"], signal.SIGKILL)
    status.wait(lambda: [c["pid"] for c in as_json(status)["children"]] != [first["children"][0]["pid"]], "another child")
    second = as_json(status)
    assert second["requests"] > first["requests"]
    status.signal(signal.SIGUSR1)
    status.wait(lambda: as_json(status)["generation"] == 2, "the reload")
    assert as_json(status)["requests"] > second["requests"]
    assert auto(status)["ParentServerConfigGeneration"] == "2"


# --- workers ---

ECHO = '<Location /echo>\nSetHandler reflector\n</Location>'


def hold(site, count=1, target=b"/echo"):
    """Requests whose handler waits for a byte of the body."""
    held = []
    for _ in range(count):
        conn = site.connect()
        conn.send(b"POST " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx")
        held.append(conn)
    return held


@pytest.mark.parametrize("model", ["mpm_event", "mpm_worker", "mpm_prefork"])
def test_busy_workers_are_those_at_work(status, model):
    status.module_names.remove("mpm_event")
    status.modules(model).conf(ECHO)
    if model == "mpm_prefork":
        status.conf("StartServers 6\nMinSpareServers 2\nMaxSpareServers 10")
    status.start()
    held = hold(status, 4)
    figures = status.wait(lambda: (f := auto(status))["BusyWorkers"] == "5" and f, "five busy workers")
    assert figures["Scoreboard"].count("W") == 5
    if model == "mpm_event":
        assert int(figures["ConnsTotal"]) >= 5
        assert int(figures["IdleWorkers"]) == figures["Scoreboard"].count("_")
    for conn in held:
        conn.send(b"y")
        assert conn.response("POST").body == b"xy"
    status.wait(lambda: auto(status)["BusyWorkers"] == "1", "idle workers")
    for conn in held:
        conn.close()


def test_idle_connections_hold_workers_of_prefork(status):
    status.module_names.remove("mpm_event")
    status.modules("mpm_prefork").conf("StartServers 4\nMinSpareServers 2\nMaxSpareServers 10").start()
    with status.connect() as conn:
        assert conn.request("GET", "/ten.txt").status == 200
        figures = status.wait(lambda: (f := auto(status))["Scoreboard"].count("K") == 1 and f, "a held worker")
        assert figures["BusyWorkers"] == "2" and figures["Scoreboard"].count("W") == 1


def told(site, mark):
    return [slot for child in as_json(site)["children"] for slot in child["slots"] if slot["busy"] and mark in slot["request"]]


def test_requests_of_workers_are_told_and_escaped(status):
    status.conf("HttpProtocolOptions Unsafe\n" + ECHO).start()
    held = hold(status, target=b"/echo/<script>alert(1)</script>")[0]
    slot = status.wait(lambda: told(status, "<script>"), "the request at work")[0]
    assert slot["client"] == "127.0.0.1" and slot["host"] == "localhost" and slot["protocol"] == "HTTP/1.1"
    for form in ["/server-status", "/server-status?notable"]:
        page = status.get(form).body.decode()
        assert "&lt;script&gt;" in page and "<script>alert" not in page
    held.close()


@pytest.mark.parametrize("tail, wanted", [("Off", "POST /echo/begin"), ("On", "end HTTP/1.1")])
def test_of_long_request_lines_a_part_is_told(status, tail, wanted):
    status.conf(f"SeeRequestTail {tail}\n" + ECHO).start()
    held = hold(status, target=b"/echo/begin" + b"x" * 300 + b"end")[0]
    slot = status.wait(lambda: told(status, "xxx"), "the request at work")[0]
    assert wanted in slot["request"] and len(slot["request"]) <= 107
    held.close()


def test_json_is_valid_whatever_is_sent(status):
    status.start()
    for odd in [b"\xff\xfe", b"\\\"", b"\xc3", "käse".encode(), b"\x01"]:
        with status.raw(b"GET /" + odd + b" HTTP/1.1\r\nHost: localhost\r\n\r\n") as conn:
            conn.final_response()
        assert as_json(status)["extended"] is True


# --- hosts ---

def test_virtual_hosts_are_counted_one_by_one(status):
    status.conf('<VirtualHost *:{port}>\nServerName one.test\n</VirtualHost>\n'
                '<VirtualHost *:{port}>\nServerName two.test\nRedirect 503 /bad\n</VirtualHost>').start()
    for _ in range(3):
        status.get("/ten.txt", {"Host": "two.test"})
    status.get("/bad", {"Host": "two.test"})

    def count():
        hosts = {host["name"].split(":")[0]: host for host in as_json(status)["hosts"]}
        return "two.test" in hosts and hosts["two.test"]["requests"] == 4 and hosts

    hosts = status.wait(count, "the four requests")
    assert hosts["two.test"]["requests"] == 4 and hosts["two.test"]["errors"] == 1


def test_more_hosts_than_places_share_the_last(status):
    for n in range(80):
        status.conf(f'<VirtualHost *:{{port}}>\nServerName v{n}.test\n</VirtualHost>')
    status.start()
    for n in range(80):
        status.get("/ten.txt", {"Host": f"v{n}.test"})
    status.wait(lambda: sum(h["requests"] for h in as_json(status)["hosts"] if not h["name"].startswith("localhost")) >= 80,
                "all requests")
    hosts = as_json(status)["hosts"]
    assert [host for host in hosts if host["name"] == ""][0]["requests"] > 10


# --- Prometheus ---

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? (\S+)$')


def test_metrics_are_valid_exposition_text(status):
    status.start()
    for _ in range(3):
        status.get("/ten.txt")
    status.wait(lambda: as_json(status)["requests"] >= 3, "the requests")
    r = status.get("/server-status?metrics")
    assert r.headers["content-type"].startswith("text/plain; version=0.0.4")
    types, seen, values = {}, set(), {}
    for line in r.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types
            types[name] = kind
        elif not line.startswith("# HELP "):
            name, labels, value = SAMPLE.match(line).groups()
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert types.get(name) or types[base] == "histogram"
            assert (name, labels) not in seen
            seen.add((name, labels))
            values[name + (labels or "")] = float(value)
    assert values['pinion_requests_total{status="2xx"}'] >= 3
    buckets = [v for k, v in values.items() if k.startswith("pinion_request_duration_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == values["pinion_request_duration_seconds_count"] >= 3
    assert all(name.endswith("_total") for name, kind in types.items() if kind == "counter")


# --- the page ---

def test_page_has_its_parts_and_a_strict_policy(status):
    status.start()
    r = status.get("/server-status")
    page = r.body.decode()
    for part in ["tiles", "latency", "answers", "workers", "processes", "hosts", "requests"]:
        assert f'id="{part}"' in page
    policy = r.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy).group(1)
    assert f'<script nonce="{nonce}">' in page and f'<style nonce="{nonce}">' in page
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert " style=" not in page and "http://" not in page and "https://" not in page
    assert r.headers["x-content-type-options"] == "nosniff" and r.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query, seconds", [("refresh=3", "3"), ("refresh", "10"), ("refresh=0", "10"), ("auto&refresh=7", "7"),
                                            ("refresh=99999999999999999999", "10"), ("auto", None)])
def test_refresh(status, query, seconds):
    status.start()
    assert status.get("/server-status?" + query).headers.get("refresh") == seconds


def chromium(site, *arguments):
    home = site.dir / "chromium"
    return subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                           "--disable-background-networking", "--disable-component-update", "--disable-sync",
                           f"--user-data-dir={home}", *arguments,
                           f"http://127.0.0.1:{site.port}/server-status"], capture_output=True, timeout=60)


def pixels(png):
    """The rows of a PNG of 8 bits a channel, filters not undone: enough to tell whether it is one colour."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    data, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += length + 12
    return zlib.decompress(data)


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium")
def test_a_browser_shows_the_page(status):
    status.start()
    for _ in range(20):
        status.get("/ten.txt")
    shot = status.dir / "shot.png"
    chromium(status, f"--screenshot={shot}", "--window-size=1280,1200")
    assert len(set(pixels(shot.read_bytes()))) > 50
    dom = chromium(status, "--dump-dom").stdout.decode()
    for part in ["tiles", "latency", "workers", "processes", "hosts", "requests"]:
        assert f'id="{part}"' in dom
    assert re.search(r'<button[^>]*aria-pressed="false"[^>]*>Live</button>', dom), "the script has not run"
