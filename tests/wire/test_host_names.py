"""Host names of clients: HostnameLookups, Require host and its kin, and name servers that misbehave.

The name server is the test's own (lib/dns.py); clients connect from 127.0.0.2 and so on, which no hosts file knows.
"""
import time

import pytest

from lib.dns import DnsServer

NAMES_LOG = 'LogFormat "%h %a %U" names\nCustomLog "{run}/names.log" names'
SHOW = '''LoadModule headers_module modules/mod_headers.so
Header always set X-Host "expr=%{REMOTE_HOST}"'''


@pytest.fixture
def dns():
    with DnsServer() as server:
        yield server


@pytest.fixture
def names(site, dns):
    """The site, asking that name server, with a page."""
    return site.modules("authz_host", "access_compat").file("page.txt", "page\n").conf(
        f"ResolverAddress {dns.address}\nResolverTimeout 3s\n{NAMES_LOG}\n{SHOW}")


def host_of(site, source, path="/page.txt"):
    return site.get(path, source=source).headers["x-host"]


def logged(site, count):
    log = site.run_dir / "names.log"
    site.wait(lambda: log.exists() and len(log.read_text().splitlines()) >= count, f"{count} lines in the log")
    return log.read_text().splitlines()


# --- HostnameLookups ---

def test_off_asks_nobody(names, dns):
    dns.host("two.example", "127.0.0.2")
    names.start()
    assert host_of(names, "127.0.0.2") == "127.0.0.2"
    assert logged(names, 1) == ["127.0.0.2 127.0.0.2 /page.txt"]
    assert dns.asked == []


def test_on_gives_the_name_to_logs_and_conditions(names, dns):
    dns.host("Two.Example", "127.0.0.2")
    names.conf('HostnameLookups On').start()
    assert host_of(names, "127.0.0.2") == "two.example"
    assert logged(names, 1) == ["two.example 127.0.0.2 /page.txt"]
    assert dns.asked == ["PTR 2.0.0.127.in-addr.arpa"]


def test_on_believes_a_name_that_leads_elsewhere(names, dns):
    dns.ptr("127.0.0.2", "liar.example").a("liar.example", "192.0.2.1")
    names.conf("HostnameLookups On").start()
    assert host_of(names, "127.0.0.2") == "liar.example"


def test_double_does_not_believe_it(names, dns):
    dns.ptr("127.0.0.2", "liar.example").a("liar.example", "192.0.2.1").host("true.example", "127.0.0.3")
    names.conf("HostnameLookups Double").start()
    assert host_of(names, "127.0.0.2") == "127.0.0.2"
    assert host_of(names, "127.0.0.3") == "true.example"
    names.wait_log("PN21052.*'liar.example' does not lead back")


def test_one_of_several_addresses_suffices(names, dns):
    dns.ptr("127.0.0.2", "many.example")
    for last in range(1, 20):
        dns.a("many.example", f"192.0.2.{last}")
    dns.a("many.example", "127.0.0.2").aaaa("many.example", "2001:db8::1")
    names.conf("HostnameLookups Double").start()
    assert host_of(names, "127.0.0.2") == "many.example"


def test_an_alias_in_the_reverse_zone(names, dns):
    dns.cname("2.0.0.127.in-addr.arpa", "2.sub.0.0.127.in-addr.arpa")
    dns.add("PTR", "2.sub.0.0.127.in-addr.arpa", b"\5class\7example\0")
    names.conf("HostnameLookups On").start()
    assert host_of(names, "127.0.0.2") == "class.example"


def test_no_name_is_the_address(names, dns):
    names.conf("HostnameLookups On\nStartServers 1\nServerLimit 1").start()
    assert host_of(names, "127.0.0.9") == "127.0.0.9"
    assert host_of(names, "127.0.0.9") == "127.0.0.9"
    assert dns.questions("127.0.0.9") == 1       # that there is none is remembered as well


def test_an_answer_is_remembered_over_connections(names, dns):
    dns.host("two.example", "127.0.0.2")
    names.conf("HostnameLookups Double\nStartServers 1\nServerLimit 1").start()
    for _ in range(5):
        assert host_of(names, "127.0.0.2") == "two.example"
    assert dns.questions("127.0.0.2") == 1


def test_an_answer_is_remembered_only_as_long_as_it_says(names, dns):
    dns.host("old.example", "127.0.0.2", ttl_s=1)
    names.conf("HostnameLookups On\nStartServers 1\nServerLimit 1").start()
    assert host_of(names, "127.0.0.2") == "old.example"
    dns.forget().host("new.example", "127.0.0.2", ttl_s=1)
    names.wait(lambda: host_of(names, "127.0.0.2") == "new.example", "the new name")


@pytest.mark.parametrize("place", ["<Directory {root}/named>", "<Location /named>", "<Files page.txt>"])
def test_in_a_section_alone(names, dns, place):
    dns.host("two.example", "127.0.0.2")
    names.file("named/page.txt", "page\n").file("other.txt", "other\n")
    names.conf(f"{place}\nHostnameLookups On\n</{place[1:].split(' ')[0]}>").start()
    assert host_of(names, "127.0.0.2", "/named/page.txt") == "two.example"
    assert host_of(names, "127.0.0.2", "/other.txt") == "127.0.0.2"


def test_in_a_virtual_host_alone(names, dns):
    dns.host("two.example", "127.0.0.2")
    names.conf("<VirtualHost *:{port}>\nServerName plain\n</VirtualHost>\n"
               "<VirtualHost *:{port}>\nServerName named\nHostnameLookups On\n</VirtualHost>").start()
    for host, name in (("plain", "127.0.0.2"), ("named", "two.example")):
        answer = names.get("/page.txt", {"Host": host}, source="127.0.0.2")
        assert answer.headers["x-host"] == name


def test_names_that_are_none_are_not_taken(names, dns):
    """What an address's owner claims reaches logs, scripts and decisions only where it reads as a host name."""
    claims = {"127.0.0.2": "10.0.0.1", "127.0.0.3": 'a"b.example', "127.0.0.4": "a\nb.example", "127.0.0.5": "x y.example"}
    for address, claim in claims.items():
        dns.ptr(address, "")
        dns.records[("PTR", ".".join(reversed(address.split("."))) + ".in-addr.arpa")] = [
            (300, b"".join(bytes([len(part)]) + part.encode() for part in claim.split(".")) + b"\0")]
    names.conf("HostnameLookups On").start()
    for address in claims:
        assert host_of(names, address) == address
    assert sorted(logged(names, 4)) == [f"{address} {address} /page.txt" for address in claims]


def test_setenvif_by_name(names, dns):
    dns.host("two.example", "127.0.0.2")
    names.modules("setenvif").conf(
        'HostnameLookups On\nSetEnvIf Remote_Host "^two\\." FROM=%s\nHeader always set X-From "%%{FROM}e"' % "two").start()
    assert names.get("/page.txt", source="127.0.0.2").headers["x-from"] == "two"
    assert names.get("/page.txt", source="127.0.0.3").headers["x-from"] == "(null)"


def test_if_by_name(names, dns):
    dns.host("two.example", "127.0.0.2")
    names.conf('HostnameLookups On\n<If "%{REMOTE_HOST} == \'two.example\'">\nRequire all denied\n</If>').start()
    assert names.get("/page.txt", source="127.0.0.2").status == 403
    assert names.get("/page.txt", source="127.0.0.3").status == 200


# --- access ---

REQUIRE = "<Directory {root}>\nRequire %s\n</Directory>"


def test_require_host(names, dns):
    dns.host("in.example", "127.0.0.2").host("in.example.net", "127.0.0.3").host("spoilt-example", "127.0.0.4")
    dns.ptr("127.0.0.5", "liar.example").a("liar.example", "192.0.2.1")
    names.conf(REQUIRE % "host example").start()
    statuses = {last: names.get("/page.txt", source=f"127.0.0.{last}").status for last in range(2, 7)}
    assert statuses == {2: 200, 3: 403, 4: 403, 5: 403, 6: 403}
    names.wait_log("AH01753")


def test_require_host_works_whatever_hostname_lookups_says(names, dns):
    dns.ptr("127.0.0.2", "liar.example").a("liar.example", "192.0.2.1")
    names.conf("HostnameLookups On\n" + REQUIRE % "host example").start()
    assert names.get("/page.txt", source="127.0.0.2").status == 403


def test_require_forward_dns(names, dns):
    dns.a("home.example", "192.0.2.1").a("home.example", "127.0.0.2")
    names.conf(REQUIRE % "forward-dns home.example gone.example").start()
    assert names.get("/page.txt", source="127.0.0.2").status == 200
    assert names.get("/page.txt", source="127.0.0.3").status == 403
    assert dns.questions("127.0.0.2") == 0
    names.wait_log("AH03356.*'gone.example'.*there is none")


def test_require_forward_dns_by_expression(names, dns):
    dns.a("a.example", "127.0.0.2")
    names.conf(REQUIRE % "forward-dns %{req:X-Name}.example").start()
    assert names.get("/page.txt", {"X-Name": "a"}, source="127.0.0.2").status == 200
    assert names.get("/page.txt", {"X-Name": "b"}, source="127.0.0.2").status == 403
    assert names.get("/page.txt", {"X-Name": "../" + "x" * 300}, source="127.0.0.2").status == 403


def test_allow_and_deny_by_name(names, dns):
    dns.host("good.example", "127.0.0.2").host("bad.example", "127.0.0.3")
    dns.ptr("127.0.0.4", "liar.example").a("liar.example", "192.0.2.1")
    names.conf("<Directory {root}>\nOrder Allow,Deny\nAllow from example\nDeny from bad.example\n</Directory>").start()
    statuses = [names.get("/page.txt", source=f"127.0.0.{last}").status for last in (2, 3, 4, 5)]
    assert statuses == [200, 403, 403, 403]


# --- servers that misbehave ---

def test_a_truncated_answer_is_asked_for_over_tcp(names, dns):
    dns.host("two.example", "127.0.0.2").truncates("127.0.0.2").truncates("two.example")
    names.conf("HostnameLookups Double").start()
    assert host_of(names, "127.0.0.2") == "two.example"
    assert dns.tcp_questions >= 1


def test_a_failing_server_is_asked_once(names, dns):
    dns.fails("127.0.0.2")
    names.conf("HostnameLookups On\nStartServers 1\nServerLimit 1").start()
    assert host_of(names, "127.0.0.2") == "127.0.0.2"
    asked = dns.questions("127.0.0.2")
    assert host_of(names, "127.0.0.2") == "127.0.0.2"
    assert dns.questions("127.0.0.2") == asked
    names.wait_log("PN21051")


@pytest.mark.parametrize("fault", ["is_dead", "sends_garbage"])
def test_without_an_answer_the_request_goes_on_with_the_address(names, dns, fault):
    getattr(dns, fault)("127.0.0.2")
    names.conf("ResolverTimeout 300ms\nHostnameLookups On\nStartServers 1\nServerLimit 1").start()
    assert host_of(names, "127.0.0.2") == "127.0.0.2"
    names.wait_log("PN21051")


def test_no_server_at_all(names, dns):
    dns.close()
    names.conf("HostnameLookups On\nResolverTimeout 500ms\n" + REQUIRE % "host example").start()
    assert names.get("/page.txt", source="127.0.0.2").status == 403


def test_who_needs_no_name_does_not_wait(names, dns):
    dns.host("two.example", "127.0.0.2").hold("127.0.0.2")
    names.file("named/page.txt", "page\n").conf(
        "StartServers 1\nServerLimit 1\nResolverTimeout 20s\n<Location /named>\nHostnameLookups On\n</Location>").start()
    with names.connect(source="127.0.0.2") as held:
        held.send(b"GET /named/page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        names.wait(lambda: dns.questions("127.0.0.2") == 1, "the question")
        for _ in range(20):
            assert names.get("/page.txt", source="127.0.0.2").status == 200
            assert names.get("/named/page.txt", source="127.0.0.1").status == 200
        assert not held.buffer
        dns.release("127.0.0.2")
        assert held.response("GET").headers["x-host"] == "two.example"


def test_equal_questions_are_one(names, dns):
    dns.host("two.example", "127.0.0.2").hold("127.0.0.2")
    names.conf("StartServers 1\nServerLimit 1\nResolverTimeout 20s\nHostnameLookups On").start()
    held = [names.connect(source="127.0.0.2") for _ in range(10)]
    for conn in held:
        conn.send(b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    names.wait(lambda: dns.questions("127.0.0.2") == 1, "the question")
    assert names.get("/page.txt", source="127.0.0.1").status == 200
    dns.release("127.0.0.2")
    for conn in held:
        assert conn.response("GET").headers["x-host"] == "two.example"
        conn.close()
    assert dns.questions("127.0.0.2") == 1


def test_a_name_for_the_log_alone_does_not_hold_the_answer_up(site, dns):
    dns.host("two.example", "127.0.0.2").hold("127.0.0.2")
    site.file("page.txt", "page\n").conf(
        f"ResolverAddress {dns.address}\nResolverTimeout 20s\nHostnameLookups On\n{NAMES_LOG}").start()
    assert site.get("/page.txt", source="127.0.0.2").body == b"page\n"     # while the server still thinks
    assert dns.questions("127.0.0.2") <= 1
    dns.release("127.0.0.2")
    assert logged(site, 1) == ["two.example 127.0.0.2 /page.txt"]


def test_a_client_that_leaves_while_its_name_is_looked_up(names, dns):
    dns.host("two.example", "127.0.0.2").hold("127.0.0.2")
    names.conf("StartServers 1\nServerLimit 1\nResolverTimeout 20s\n" + REQUIRE % "host example").start()
    conn = names.connect(source="127.0.0.2")
    conn.send(b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    names.wait(lambda: dns.questions("127.0.0.2") == 1, "the question")
    conn.abort()
    dns.release("127.0.0.2")
    assert names.get("/page.txt", source="127.0.0.2").status == 200


def test_stopping_does_not_wait_for_a_name(names, dns):
    dns.hold("127.0.0.2")
    names.conf("ResolverTimeout 2s\nHostnameLookups On").start()
    with names.connect(source="127.0.0.2") as conn:
        conn.send(b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        names.wait(lambda: dns.questions("127.0.0.2") == 1, "the question")
        began = time.monotonic()
        names.stop()
        assert time.monotonic() - began < 60


def test_more_clients_than_entries(names, dns):
    names.conf("ResolverCacheSize 16\nHostnameLookups On\nStartServers 1\nServerLimit 1").start()
    for last in range(2, 60):
        dns.host(f"h{last}.example", f"127.0.0.{last}")
    for _ in range(2):
        for last in range(2, 60):
            assert host_of(names, f"127.0.0.{last}") == f"h{last}.example"


# --- names of this server ---

def test_use_canonical_name_dns(names, dns):
    dns.host("me.example", "127.0.0.8")
    names.listen = [f"Listen 127.0.0.{last}:{names.port}" for last in (1, 8, 9)]
    names.conf("UseCanonicalName DNS\nUseCanonicalPhysicalPort On\nServerName fallback.example\nRedirect /old /page.txt\n"
               'LogFormat "%V" self\nCustomLog "{run}/self.log" self').start()
    for last, name in ((8, "me.example"), (9, "fallback.example")):
        with names.connect(host=f"127.0.0.{last}") as conn:
            location = conn.request("GET", "/old", {"Host": "other.example"}).headers["location"]
            assert location == f"http://{name}:{names.port}/page.txt"
    log = names.run_dir / "self.log"
    names.wait(lambda: log.exists() and log.read_text() == "me.example\nfallback.example\n", "the log")


# --- directives ---

@pytest.mark.parametrize("line, complaint", [
    ("ResolverAddress ns.example", "no address of a name server"),
    ("ResolverAddress 127.0.0.1:99999", "no address of a name server"),
    ("ResolverTimeout 0", "more than nothing"),
    ("ResolverTimeout soon", "more than nothing"),
    ("ResolverCacheSize 1", "16"),
    ("HostnameLookups Perhaps", "HostnameLookups"),
])
def test_lines_that_are_wrong(site, line, complaint):
    site.conf(line).write_conf()
    result = site.run("-t")
    assert result.returncode != 0 and complaint in result.stderr
