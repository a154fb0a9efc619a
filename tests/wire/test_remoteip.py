"""The client behind proxies, as far as the differential cases do not show it: the PROXY protocol's time and log lines, host
names of clients behind a proxy, the error log, and lines of the configuration that are wrong."""
import pytest

from lib.dns import DnsServer

PAGE = b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
PROXY = b"PROXY TCP4 192.0.2.1 198.51.100.2 5555 80\r\n"


@pytest.fixture
def proxied(site):
    return site.modules("remoteip", "authz_host").file("page.txt", "page\n").conf(
        'RemoteIPProxyProtocol On\nLogFormat "%a %{c}a %{remote}p" who\nCustomLog "{run}/who.log" who')


def logged(site, count):
    log = site.run_dir / "who.log"
    site.wait(lambda: log.exists() and len(log.read_text().splitlines()) >= count, f"{count} lines in the log")
    return log.read_text().splitlines()


def test_the_client_of_the_header_is_logged(proxied):
    proxied.start()
    with proxied.raw(PROXY + PAGE) as conn:
        assert conn.response().status == 200
    assert logged(proxied, 1) == ["192.0.2.1 127.0.0.1 5555"]


@pytest.mark.parametrize("start", [PAGE, b"PROXY TCP4 nonsense\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"P" * 5000])
def test_without_a_header_it_is_closed_with_a_line_in_the_log(proxied, start):
    proxied.start()
    with proxied.raw(start) as conn:
        assert conn.wait_end(5.0) in ("closed", "reset")
        assert not conn.buffer
    proxied.wait_log(r"AH03496.*PROXY header")


@pytest.mark.parametrize("start", [b"PROXY TC", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff"])
def test_a_header_that_does_not_come_is_not_waited_for_long(proxied, start):
    proxied.conf("Timeout 1").start()
    with proxied.raw(start) as conn:
        assert conn.wait_end(10.0) in ("closed", "reset")
    with proxied.raw(PROXY + PAGE) as conn:
        assert conn.response().status == 200


def test_a_peer_that_ends_within_the_header(proxied):
    proxied.start()
    with proxied.raw(b"PROXY TCP4 192.") as conn:
        conn.shutdown_write()
        assert conn.wait_end(5.0) == "closed"


def test_a_header_byte_by_byte(proxied):
    proxied.start()
    with proxied.connect() as conn:
        for byte in PROXY + PAGE:
            conn.send(bytes([byte]))
        assert conn.response().status == 200
    assert logged(proxied, 1) == ["192.0.2.1 127.0.0.1 5555"]


def test_waiting_connections_end_with_the_server(proxied):
    proxied.start()
    with proxied.raw(b"PROXY TCP4") as conn:
        with proxied.raw(PROXY + PAGE) as other:
            assert other.response().status == 200
        proxied.stop()
        assert conn.wait_end(5.0) in ("closed", "reset")


def test_access_and_error_log_know_the_client(proxied):
    proxied.conf("<Directory {root}>\nRequire ip 203.0.113.0/24\n</Directory>").start()
    with proxied.raw(PROXY + PAGE) as conn:
        assert conn.response().status == 403
    proxied.wait_log(r"\[client 192\.0\.2\.1:5555\]")


def test_exceptions_of_any_host_of_the_address_hold(site):
    site.modules("remoteip").file("page.txt", "page\n").conf(
        "<VirtualHost *:{port}>\nServerName one\n</VirtualHost>\n"
        "<VirtualHost *:{port}>\nServerName two\nRemoteIPProxyProtocol On\n"
        "RemoteIPProxyProtocolExceptions 127.0.0.3\n</VirtualHost>").start()
    assert site.get("/page.txt", source="127.0.0.3").status == 200
    with site.connect(source="127.0.0.2") as conn:
        conn.send(PAGE)
        assert conn.wait_end(5.0) == "closed"


def test_hosts_that_contradict_each_other(site):
    site.modules("remoteip").file("page.txt", "page\n").conf(
        "<VirtualHost *:{port}>\nServerName one\nRemoteIPProxyProtocol On\n</VirtualHost>\n"
        "<VirtualHost *:{port}>\nServerName two\nRemoteIPProxyProtocol Off\n</VirtualHost>").start()
    assert site.get("/page.txt").status == 200
    site.wait_log("AH03491.*overridden")


def test_host_names_behind_a_proxy(site):
    with DnsServer() as dns:
        dns.host("client.example", "192.0.2.7").host("proxy.example", "127.0.0.2")
        site.modules("remoteip").file("page.txt", "page\n").conf(
            f"ResolverAddress {dns.address}\nHostnameLookups On\nRemoteIPHeader X-Forwarded-For\n"
            'RemoteIPInternalProxy 127.0.0.2\nLogFormat "%h %{c}h" who\nCustomLog "{run}/who.log" who').start()
        assert site.get("/page.txt", {"X-Forwarded-For": "192.0.2.7"}, source="127.0.0.2").status == 200
        assert logged(site, 1) == ["client.example proxy.example"]


def test_proxies_by_name(site):
    site.modules("remoteip").file("page.txt", "page\n").conf(
        'RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy localhost\nLogFormat "%a" who\n'
        'CustomLog "{run}/who.log" who').start()
    assert site.get("/page.txt", {"X-Forwarded-For": "10.1.2.3"}).status == 200
    assert logged(site, 1) == ["10.1.2.3"]


@pytest.mark.parametrize("line, complaint", [
    ("RemoteIPHeader \"X Forwarded\"", "no name of a header field"),
    ("RemoteIPTrustedProxy 10.0.0.0/40", "no IP address or network"),
    ("RemoteIPTrustedProxy no-such-host.invalid", "no host by this name"),
    ("RemoteIPInternalProxyList /nonexistent/list", "cannot be read"),
    ("RemoteIPProxyProtocol Maybe", "RemoteIPProxyProtocol"),
    ("RemoteIPProxyProtocolExceptions 1.2.3.4.5/33", "network"),
])
def test_lines_that_are_wrong(site, line, complaint):
    site.modules("remoteip").conf(line).write_conf()
    result = site.run("-t")
    assert result.returncode != 0 and complaint in result.stderr


def test_ident_is_gone(site):
    site.modules("ident").file("page.txt", "page\n").conf("IdentityCheck On\nIdentityCheckTimeout 5").start()
    assert site.get("/page.txt").status == 200
    assert "RFC 1413" in site.run("-t").stderr
