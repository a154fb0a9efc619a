"""TLS: handshakes, names, sessions, certificates of both sides, and what goes wrong with them."""
import os
import re
import socket
import ssl
import struct
import subprocess

import pytest

from lib import certs, http1, servers


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certs")
    for parent in (directory, *directory.parents[:2]):  # children run as another user and read nothing here, the master does
        assert parent.exists()
    one = certs.Authority(directory)
    one.issue("server", names=("localhost", "IP:127.0.0.1"))
    one.issue("rsa", names=("localhost",), rsa=True)
    one.issue("other", names=("other.test",))
    one.issue("alice", subject="/C=DE/O=Pinion Tests/OU=Staff/OU=Night/CN=Alice", names=("email:alice@example.test",))
    one.issue("bob", subject="/C=DE/O=Others/CN=Bob", names=())
    return one


@pytest.fixture
def secure(site, authority):
    """A site that speaks TLS, not started."""
    return site.tls(authority).file("index.html", "hello")


def version(conn):
    return conn.sock.version()


def refused(site, context, name="localhost", path="/"):
    """Is the client turned away in the handshake or right behind it (TLS 1.3 tells it with the first read)?"""
    try:
        with site.connect(tls=context, name=name) as conn:
            conn.request("GET", path)
    except (ssl.SSLError, http1.ConnectionEnded, OSError):
        return True
    return False


# --- handshakes ---

@pytest.mark.parametrize("protocol", ["1.2", "1.3"])
def test_handshake(secure, authority, protocol):
    secure.start()
    with secure.connect(tls=authority.client(protocol=protocol)) as conn:
        assert version(conn) == "TLSv" + protocol
        assert conn.request("GET", "/").body == b"hello"
        assert conn.request("GET", "/missing").status == 404


@pytest.mark.parametrize("lines, good, bad", [
    ("SSLProtocol TLSv1.3", "1.3", "1.2"),
    ("SSLProtocol all -TLSv1.3", "1.2", "1.3"),
    ("SSLPolicy modern", "1.3", "1.2"),
    ("SSLProtocol +TLSv1.2", "1.2", "1.3"),
])
def test_protocols(secure, authority, lines, good, bad):
    secure.conf(lines).start()
    assert not refused(secure, authority.client(protocol=good))
    assert refused(secure, authority.client(protocol=bad))


def test_ciphers(secure, authority):
    secure.conf("SSLCipherSuite ECDHE-ECDSA-AES256-GCM-SHA384\nSSLCipherSuite TLSv1.3 TLS_CHACHA20_POLY1305_SHA256").start()
    with secure.connect(tls=authority.client(protocol="1.2")) as conn:
        assert conn.sock.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with secure.connect(tls=authority.client(protocol="1.3")) as conn:
        assert conn.sock.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"


def test_out_of_the_box_nothing_weak(secure):
    """What is offered without a word about it: no CBC, no RSA key exchange, nothing before 1.2."""
    secure.start()
    found = certs.openssl("s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_2", "-cipher",
                          "AES128-SHA:AES256-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", text="", check=False)
    assert "handshake failure" in found
    found = certs.openssl("s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", text="", check=False)
    assert "protocol version" in found


def test_rsa_and_ecdsa_at_once(secure, authority):
    secure.conf(f'SSLCertificateFile "{authority.dir}/rsa.crt"\nSSLCertificateKeyFile "{authority.dir}/rsa.key"').start()
    for ciphers in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"):
        client = authority.client(protocol="1.2")
        client.set_ciphers(ciphers)
        with secure.connect(tls=client) as conn:
            assert conn.sock.cipher()[0] == ciphers


@pytest.mark.parametrize("size", [0, 1, 1368, 1369, 1370, 16384, 16385, 65536, 300001])
def test_body_sizes(secure, size):
    """Around the sizes of records and of what one send takes."""
    body = os.urandom(size)
    secure.file("body.bin", body).start()
    with secure.connect() as conn:
        for _ in range(2):
            assert conn.request("GET", "/body.bin").body == body


def test_large_file_and_slow_reader(secure):
    body = os.urandom(6_000_000)
    secure.file("body.bin", body).start()
    with secure.connect(timeout_s=20) as conn:
        conn.send(b"GET /body.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        conn.wait_bytes(5)
        assert secure.get("/").body == b"hello"  # meanwhile others are served
        assert conn.response().body == body


def test_request_body(secure):
    secure.modules("reflector").conf("<Location /echo>\nSetHandler reflector\n</Location>").start()
    body = os.urandom(400_000)
    with secure.connect() as conn:
        assert conn.request("POST", "/echo", body=body).body == body
        assert conn.request("GET", "/").body == b"hello"


def test_pipelined_requests_in_one_record(secure):
    secure.start()
    with secure.connect() as conn:
        conn.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        assert [conn.response().body for _ in range(20)] == [b"hello"] * 20


def test_request_split_over_records(secure):
    secure.start()
    with secure.connect() as conn:
        for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n":
            conn.send(bytes([byte]))
        assert conn.response().body == b"hello"


def test_handshake_in_small_pieces(secure, authority):
    """The first record comes byte by byte."""
    secure.start()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = authority.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    with socket.create_connection(("127.0.0.1", secure.port), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in outgoing.read():
            sock.sendall(bytes([byte]))
        while True:
            incoming.write(sock.recv(16384))
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        sock.sendall(outgoing.read())
    secure.wait_log("Protocol: TLSv1.3|resuming")


# --- clients that do something else ---

def test_plain_http_is_told(secure):
    secure.start()
    with secure.connect(tls=False) as conn:
        answer = conn.request("GET", "/")
        assert answer.status == 400 and b"https" in answer.body.lower()
        assert conn.wait_end(5) == "closed"
    secure.wait_log("AH01996")


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x00\x05hello",
    b"\x16\x03\x01\xff\xff" + b"a" * 100,
    b"\x00" * 64,
    b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + b"r" * 32 + b"\xff",
    b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"c" * 40,
    b"\x17\x03\x03\x00\x10" + b"x" * 16,
    b"\xff" * 3000,
])
def test_malformed_hello(secure, data):
    secure.conf("Timeout 1").start()
    with secure.connect(tls=False) as conn:
        conn.send(data)
        assert conn.wait_end(5) != "open"
    assert secure.get("/").body == b"hello"


def test_half_closed_before_and_after(secure):
    secure.start()
    with secure.connect(tls=False) as conn:
        conn.shutdown_write()
        assert conn.wait_end(5) != "open"
    with secure.connect() as conn:
        conn.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        conn.shutdown_write()
        assert conn.response().body == b"hello"
        assert conn.wait_end(5) == "closed"


def test_silent_client_is_closed(secure):
    secure.conf("Timeout 1").start()
    with secure.connect(tls=False) as conn:
        conn.send(b"\x16\x03\x01")
        assert conn.wait_end(10) != "open"
    secure.wait_log("handshake took too long")


def test_close_notify_is_sent(secure):
    secure.start()
    with secure.connect() as conn:
        assert conn.request("GET", "/", {"Connection": "close"}).body == b"hello"
        conn.sock.settimeout(5)
        context = conn.sock.context
    strict = certs.openssl("s_client", "-connect", f"127.0.0.1:{secure.port}", "-quiet", "-no_ign_eof",
                           text="GET / HTTP/1.0\r\n\r\n", check=False)
    assert "unexpected eof" not in strict and context is not None


def test_clients_may_not_renegotiate(secure):
    secure.conf("SSLProtocol TLSv1.2").start()
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_2"],
                          input="R\n", capture_output=True, text=True, timeout=20)
    assert "no renegotiation" in done.stdout + done.stderr or "handshake failure" in done.stdout + done.stderr
    assert secure.get("/").status == 200


def test_https_listener(site, authority):
    """Listen's protocol stands for SSLEngine where nothing is said about that."""
    site.listen = [f"Listen 127.0.0.1:{site.port} https"]
    site.modules("ssl").file("index.html", "hello").conf(
        f'SSLCertificateFile "{authority.dir}/server.crt"\nSSLCertificateKeyFile "{authority.dir}/server.key"').start()
    site.client = authority.client()
    assert site.get("/").body == b"hello"


def test_no_tls_where_it_is_off(site, authority):
    site.tls(authority).file("index.html", "hello").conf("SSLEngine off").start()
    with site.connect(tls=False) as conn:
        assert conn.request("GET", "/").body == b"hello"


# --- names ---

def named(site, authority, extra=""):
    site.modules("ssl").file("index.html", "main")
    site.client = authority.client(trust=False)
    for name, cert in (("localhost", "server"), ("other.test", "other")):
        site.file(f"{name}/index.html", name)
        site.conf(f'<VirtualHost *:{site.port}>\nServerName {name}\nServerAlias *.{name}\nDocumentRoot "{site.root}/{name}"\nSSLEngine on\n'
                  f'SSLCertificateFile "{authority.dir}/{cert}.crt"\nSSLCertificateKeyFile "{authority.dir}/{cert}.key"\n{extra}\n</VirtualHost>')
    return site


def shown(conn):
    text = ssl.DER_cert_to_PEM_cert(conn.sock.getpeercert(binary_form=True))
    return re.search(r"CN = (\w+)", certs.openssl("x509", "-noout", "-subject", text=text)).group(1)


@pytest.mark.parametrize("name, cert, content", [
    ("localhost", "server", b"localhost"), ("other.test", "other", b"other.test"), ("OTHER.test", "other", b"other.test"),
    ("www.other.test", "other", b"other.test"), ("nobody.test", "server", b"localhost"), (None, "server", b"localhost"),
])
def test_name_chooses_the_certificate(site, authority, name, cert, content):
    named(site, authority).start()
    with site.connect(name=name) as conn:
        assert shown(conn) == cert
        assert conn.request("GET", "/", {"Host": name or "localhost"}).body == content


def test_strict_names(site, authority):
    named(site, authority, "SSLStrictSNIVHostCheck on").start()
    with site.connect(name=None) as conn:
        assert conn.request("GET", "/").status == 403
    with site.connect(name="other.test") as conn:
        assert conn.request("GET", "/", {"Host": "other.test"}).status == 200


def test_misdirected_request(site, authority):
    """A server with rules of its own for clients is not reached over another one's connection."""
    site.modules("ssl").file("index.html", "x")
    site.client = authority.client(trust=False)
    for name, extra in (("localhost", ""), ("other.test", f'SSLVerifyClient require\nSSLCACertificateFile "{authority.cert}"')):
        site.conf(f'<VirtualHost *:{site.port}>\nServerName {name}\nSSLEngine on\nSSLCertificateFile "{authority.dir}/server.crt"\n'
                  f'SSLCertificateKeyFile "{authority.dir}/server.key"\n{extra}\n</VirtualHost>')
    site.start()
    with site.connect(name="localhost") as conn:
        assert conn.request("GET", "/", {"Host": "localhost"}).status == 200
        assert conn.request("GET", "/", {"Host": "other.test"}).status == 421


def test_alpn(secure, authority):
    secure.conf("Protocols http/1.1").start()
    client = authority.client()
    client.set_alpn_protocols(["http/1.0", "http/1.1"])
    with secure.connect(tls=client) as conn:
        assert conn.sock.selected_alpn_protocol() == "http/1.1"
        assert conn.request("GET", "/").status == 200
    client = authority.client()
    client.set_alpn_protocols(["nothing"])
    with secure.connect(tls=client) as conn:
        assert conn.sock.selected_alpn_protocol() is None


# --- certificates of clients ---

CLIENTS = 'SSLCACertificateFile "{certs}/ca.crt"\n'


def test_client_certificate_is_a_must(secure, authority):
    secure.conf(CLIENTS.replace("{certs}", str(authority.dir)) + "SSLVerifyClient require").start()
    for protocol in ("1.2", "1.3"):
        assert refused(secure, authority.client(protocol=protocol))
        with secure.connect(tls=authority.client("alice", protocol=protocol)) as conn:
            assert conn.request("GET", "/").body == b"hello"


@pytest.mark.parametrize("verify, stranger", [("optional", True), ("optional_no_ca", False), ("require", True)])
def test_unknown_authority(secure, authority, tmp_path, verify, stranger):
    other = certs.Authority(tmp_path / "other", "Stranger")
    other.issue("mallory", names=())
    client = authority.client()
    client.load_cert_chain(other.dir / "mallory.crt", other.dir / "mallory.key")
    secure.modules("headers").conf(CLIENTS.replace("{certs}", str(authority.dir)) + f"SSLVerifyClient {verify}\n"
                                   "Header set X-Verify %{SSL_CLIENT_VERIFY}s").start()
    assert refused(secure, client) == stranger
    if not stranger:
        with secure.connect(tls=client) as conn:
            assert conn.request("GET", "/").headers["x-verify"] == "GENEROUS"


@pytest.mark.parametrize("protocol", ["1.2", "1.3"])
def test_certificate_for_a_place(secure, authority, protocol):
    secure.file("private/index.html", "secret").conf(
        CLIENTS.replace("{certs}", str(authority.dir)) + "<Location /private>\nSSLVerifyClient require\n</Location>").start()
    with secure.connect(tls=authority.client("alice", protocol=protocol)) as conn:
        assert conn.request("GET", "/").body == b"hello"
        assert conn.request("GET", "/private/").body == b"secret"
        assert conn.request("GET", "/private/").body == b"secret"
        assert conn.request("GET", "/").body == b"hello"
    with secure.connect(tls=authority.client(protocol=protocol)) as conn:
        assert conn.request("GET", "/").body == b"hello"
        if protocol == "1.3":
            assert conn.request("GET", "/private/").status == 403
        else:
            conn.send(b"GET /private/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                assert conn.response().status == 403
            except (http1.ConnectionEnded, ssl.SSLError):
                pass
    assert secure.get("/").status == 200


def test_certificate_for_a_place_with_a_body(secure, authority):
    secure.modules("reflector").conf(
        CLIENTS.replace("{certs}", str(authority.dir)) +
        "<Location /echo>\nSetHandler reflector\nSSLVerifyClient require\nSSLRenegBufferSize 50000\n</Location>").start()
    body = os.urandom(40_000)
    for protocol in ("1.2", "1.3"):
        with secure.connect(tls=authority.client("alice", protocol=protocol)) as conn:
            assert conn.request("POST", "/echo", body=body).body == body
    with secure.connect(tls=authority.client("alice")) as conn:
        assert conn.request("POST", "/echo", body=body * 2).status == 413


def test_client_that_cannot_be_asked(secure, authority):
    """TLS 1.3 without the extension for it."""
    secure.file("private/index.html", "secret").conf(
        CLIENTS.replace("{certs}", str(authority.dir)) + "<Location /private>\nSSLVerifyClient require\n</Location>").start()
    client = authority.client("alice", protocol="1.3")
    client.post_handshake_auth = False
    with secure.connect(tls=client) as conn:
        assert conn.request("GET", "/private/").status == 403
    secure.wait_log("AH10158")


def test_chain_too_long(secure, authority):
    secure.conf(CLIENTS.replace("{certs}", str(authority.dir)) + "SSLVerifyClient require\nSSLVerifyDepth 0").start()
    assert refused(secure, authority.client("alice"))


def test_revoked_certificate(secure, authority, tmp_path):
    (tmp_path / "index.txt").write_text("")
    (tmp_path / "number").write_text("01\n")
    conf = tmp_path / "ca.cnf"
    conf.write_text(f"[ca]\ndefault_ca=a\n[a]\ndatabase={tmp_path}/index.txt\ncrlnumber={tmp_path}/number\n"
                    "default_md=sha256\ndefault_crl_days=10\n")
    base = ("-config", conf, "-cert", authority.cert, "-keyfile", authority.key)
    certs.openssl("ca", *base, "-revoke", authority.dir / "bob.crt")
    certs.openssl("ca", *base, "-gencrl", "-out", tmp_path / "ca.crl")
    secure.conf(CLIENTS.replace("{certs}", str(authority.dir)) + "SSLVerifyClient require\nSSLCARevocationCheck chain\n"
                f'SSLCARevocationFile "{tmp_path}/ca.crl"').start()
    assert refused(secure, authority.client("bob"))
    assert not refused(secure, authority.client("alice"))


def test_variables(secure, authority):
    names = ["SSL_PROTOCOL", "SSL_CLIENT_S_DN", "SSL_CLIENT_S_DN_CN", "SSL_CLIENT_S_DN_OU", "SSL_CLIENT_S_DN_OU_1", "SSL_CLIENT_SAN_Email_0",
             "SSL_CLIENT_VERIFY", "SSL_CLIENT_I_DN_CN", "SSL_SERVER_S_DN_CN", "SSL_TLS_SNI", "SSL_CIPHER_USEKEYSIZE", "SSL_SESSION_RESUMED"]
    secure.modules("headers").conf(CLIENTS.replace("{certs}", str(authority.dir)) + "SSLVerifyClient optional\n"
                                   + "\n".join(f'Header set X-{name} "%{{{name}}}s"' for name in names)).start()
    with secure.connect(tls=authority.client("alice", protocol="1.3")) as conn:
        fields = conn.request("GET", "/").headers
    found = [fields[f"x-{name.lower()}"] for name in names]
    assert found == ["TLSv1.3", "CN=Alice,OU=Night,OU=Staff,O=Pinion Tests,C=DE", "Alice", "Staff", "Night", "alice@example.test", "SUCCESS",
                     "Test Authority", "server", "localhost", "128", "Initial"]


def test_log_and_user(secure, authority):
    secure.conf(CLIENTS.replace("{certs}", str(authority.dir)) + "SSLVerifyClient optional\nSSLUserName SSL_CLIENT_S_DN_CN\n"
                'CustomLog "{run}/tls.log" "%u %{SSL_PROTOCOL}x %{version}c %{nothing}x"').start()
    with secure.connect(tls=authority.client("alice", protocol="1.2")) as conn:
        conn.request("GET", "/")
    path = secure.run_dir / "tls.log"
    secure.wait(lambda: path.exists() and path.read_text(), "a line")
    assert path.read_text() == "Alice TLSv1.2 TLSv1.2 -\n"


# --- sessions ---

def resumed(site, client, session):
    with http1.Conn(("127.0.0.1", site.port)) as plain:
        plain.sock.setblocking(True)
        with client.wrap_socket(plain.sock, server_hostname="localhost", session=session) as sock:
            sock.settimeout(5)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while sock.recv(4096):
                pass
            return sock.session_reused, sock.session


@pytest.mark.parametrize("lines, protocol, wanted", [
    ("", "1.3", True),
    ("", "1.2", True),
    ("SSLSessionTickets off", "1.2", False),
    ("SSLSessionTickets off\nSSLSessionCache none", "1.3", False),
    ("SSLSessionTickets off\nSSLSessionCache shmcb:x(65536)", "1.2", True),
    ("SSLSessionTickets off\nSSLSessionCache shmcb:x(65536)", "1.3", True),
])
def test_resumption_across_children(secure, authority, lines, protocol, wanted):
    """The child that made the session is gone when the client comes again."""
    secure.conf(lines + "\nStartServers 1\nMaxConnectionsPerChild 1").start()
    client = authority.client(protocol=protocol)
    first, session = resumed(secure, client, None)
    assert not first
    assert [resumed(secure, client, session)[0] for _ in range(2)] == [wanted, wanted]


def test_tickets_stay_good_over_a_reload(secure, authority):
    secure.start()
    client = authority.client(protocol="1.3")
    session = resumed(secure, client, None)[1]
    before = set(secure.children)
    secure.signal(10)
    secure.wait(lambda: secure.children and not before & set(secure.children), "new children")
    assert resumed(secure, client, session)[0]


def test_ticket_key_of_a_cluster(secure, authority, tmp_path):
    key = tmp_path / "ticket.key"
    key.write_bytes(os.urandom(48))
    secure.conf(f'SSLSessionTicketKeyFile "{key}"').start()
    client = authority.client(protocol="1.2")
    session = resumed(secure, client, None)[1]
    secure.stop()
    secure.start()
    assert resumed(secure, client, session)[0]


# --- stapling ---

def responder(authority, port, index):
    """OpenSSL's own, ready to be asked."""
    program = subprocess.Popen(["openssl", "ocsp", "-index", str(index), "-CA", str(authority.cert), "-rsigner", str(authority.cert),
                                "-rkey", str(authority.key), "-port", str(port), "-nmin", "60", "-ignore_err"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in program.stdout:
        if "waiting" in line:
            return program
    raise RuntimeError("the responder did not start")


def test_stapling(site, authority, tmp_path):
    port = servers.free_port()
    cert, _ = authority.issue("stapled", extensions=(f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/",))
    serial = certs.openssl("x509", "-noout", "-serial", "-in", cert).strip().split("=")[1]
    index = tmp_path / "index.txt"
    index.write_text(f"V\t350101000000Z\t\t{serial}\tunknown\t/CN=stapled\n")
    program = responder(authority, port, index)
    try:
        site.modules("ssl").file("index.html", "hello").conf(
            f'SSLEngine on\nSSLCertificateFile "{authority.dir}/stapled.crt"\nSSLCertificateKeyFile "{authority.dir}/stapled.key"\n'
            f'SSLCACertificateFile "{authority.cert}"\nSSLUseStapling on\nSSLStaplingCache shmcb:x(32768)').start()

        def status():
            return certs.openssl("s_client", "-connect", f"127.0.0.1:{site.port}", "-status", text="", check=False)

        site.wait(lambda: "OCSP Response Status: successful" in status(), "a stapled answer")
        assert "Cert Status: good" in status()
        program.kill()
        program.wait()
        assert "Cert Status: good" in status()  # served without the responder as long as it is valid
    finally:
        program.kill()
        program.wait()


def test_stapling_without_responder(site, authority):
    cert_port = servers.free_port()
    authority.issue("unstapled", extensions=(f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{cert_port}/",))
    site.modules("ssl").file("index.html", "hello").conf(
        f'SSLEngine on\nSSLCertificateFile "{authority.dir}/unstapled.crt"\nSSLCertificateKeyFile "{authority.dir}/unstapled.key"\n'
        f'SSLCACertificateFile "{authority.cert}"\nSSLUseStapling on\nSSLStaplingFakeTryLater off\nSSLStaplingResponderTimeout 1').start()
    site.client = authority.client()
    assert site.get("/").body == b"hello"
    site.wait_log("PN21305|21305")
    assert "no response sent" in certs.openssl("s_client", "-connect", f"127.0.0.1:{site.port}", "-status", text="", check=False)


def test_client_status_is_asked(site, authority, tmp_path):
    """SSLOCSPEnable: one is good, the other revoked."""
    port = servers.free_port()
    rows = []
    for name, state in (("alice", "V\t350101000000Z\t"), ("bob", "R\t350101000000Z\t200101000000Z")):
        serial = certs.openssl("x509", "-noout", "-serial", "-in", authority.dir / f"{name}.crt").strip().split("=")[1]
        rows.append(f"{state}\t{serial}\tunknown\t/CN={name}\n")
    index = tmp_path / "index.txt"
    index.write_text("".join(rows))
    program = responder(authority, port, index)
    try:
        site.tls(authority).file("index.html", "hello").conf(
            f'SSLCACertificateFile "{authority.cert}"\nSSLVerifyClient require\nSSLOCSPEnable leaf\n'
            f"SSLOCSPDefaultResponder http://127.0.0.1:{port}/\nSSLOCSPResponderTimeout 1\nSSLSessionTickets off").start()
        assert not refused(site, authority.client("alice"))
        assert refused(site, authority.client("bob"))
        program.kill()
        program.wait()
        assert refused(site, authority.client("alice"))  # nobody vouches for her any more
    finally:
        program.kill()
        program.wait()


# --- certificates that change, and configurations that are wrong ---

def test_renewed_certificate(site, authority, tmp_path):
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_bytes((authority.dir / name).read_bytes())
    site.modules("ssl").file("index.html", "hello").conf(
        f'SSLEngine on\nSSLCertificateReload on\nSSLCertificateFile "{tmp_path}/server.crt"\nSSLCertificateKeyFile "{tmp_path}/server.key"').start()
    site.client = authority.client(trust=False)

    def who():
        with site.connect() as conn:
            return shown(conn)

    assert who() == "server"
    for end in ("crt", "key"):
        new = tmp_path / f"new.{end}"
        new.write_bytes((authority.dir / f"other.{end}").read_bytes())
        new.rename(tmp_path / f"server.{end}")
    site.wait(lambda: who() == "other", "the new certificate")


def test_reload_by_signal_takes_a_renewed_certificate_and_refuses_a_broken_one(site, authority, tmp_path):
    for end in ("crt", "key"):
        (tmp_path / f"server.{end}").write_bytes((authority.dir / f"server.{end}").read_bytes())
    site.modules("ssl").file("index.html", "hello").conf(
        f'SSLEngine on\nSSLCertificateFile "{tmp_path}/server.crt"\nSSLCertificateKeyFile "{tmp_path}/server.key"').start()
    site.client = authority.client(trust=False)
    (tmp_path / "server.key").write_bytes((authority.dir / "other.key").read_bytes())
    site.signal(10)
    site.wait_log("do not match")
    with site.connect() as conn:
        assert shown(conn) == "server"
    (tmp_path / "server.crt").write_bytes((authority.dir / "other.crt").read_bytes())
    site.signal(10)

    def renewed():
        with site.connect() as conn:
            return shown(conn) == "other"

    site.wait(renewed, "the new certificate")


def broken(site, lines):
    site.modules("ssl").conf(lines).write_conf()
    done = site.run("-t")
    assert done.returncode != 0, lines
    return done.stdout + done.stderr


@pytest.mark.parametrize("lines, reason", [
    ("SSLEngine on", "no certificate"),
    ('SSLEngine on\nSSLCertificateFile "{certs}/nothing.crt"', "nothing.crt.*No such file"),
    ('SSLEngine on\nSSLCertificateFile "{certs}/server.key"', "server.key.*no certificate in PEM"),
    ('SSLEngine on\nSSLCertificateFile "{certs}/server.crt"', "server.crt.*private key|private key.*server.crt"),
    ('SSLEngine on\nSSLCertificateFile "{certs}/server.crt"\nSSLCertificateKeyFile "{certs}/other.key"',
     "server.crt and .*other.key do not match"),
    ('SSLEngine on\nSSLCertificateFile "{certs}"', "is a directory"),
    ("SSLProtocol SSLv3", "SSLv3"), ("SSLProtocol TLSv9", "TLSv9"), ("SSLProtocol all -all", "no protocol is left"),
    ("SSLCipherSuite NONSENSE", "NONSENSE"), ("SSLVerifyClient perhaps", "perhaps"), ("SSLVerifyDepth many", "SSLVerifyDepth"),
    ("SSLOptions +Everything", "Everything"), ("SSLOpenSSLConfCmd Nothing x", "Nothing"),
    ("SSLSessionCache tape:x", "tape"), ("SSLCryptoDevice rocket", "SSLCryptoDevice"),
])
def test_broken_configuration(site, authority, lines, reason):
    text = broken(site, lines.replace("{certs}", str(authority.dir)))
    assert re.search(reason, text, re.S), text
    assert re.search(r"httpd\.conf:?|line \d+", text), text


def test_expired_certificate_is_told(site, authority):
    authority.issue("old", days=0)
    site.modules("ssl").file("index.html", "hello").conf(
        f'SSLEngine on\nSSLCertificateFile "{authority.dir}/old.crt"\nSSLCertificateKeyFile "{authority.dir}/old.key"').start()
    site.wait_log("has expired")


def test_encrypted_key(site, authority, tmp_path):
    authority.issue("locked", phrase="sesame")
    program = tmp_path / "phrase"
    program.write_text("#!/bin/sh\necho sesame\n")
    program.chmod(0o755)
    lines = (f'SSLEngine on\nSSLCertificateFile "{authority.dir}/locked.crt"\nSSLCertificateKeyFile "{authority.dir}/locked.key"\n'
             f"SSLPassPhraseDialog exec:{program}")
    site.modules("ssl").file("index.html", "hello").conf(lines).start()
    site.client = authority.client()
    assert site.get("/").body == b"hello"
    program.write_text("#!/bin/sh\necho wrong\n")
    before = set(site.children)
    site.signal(10)  # the phrase is still known
    site.wait(lambda: site.children and not before & set(site.children), "new children")
    assert site.get("/").body == b"hello"


def test_encrypted_key_with_a_wrong_phrase(site, authority, tmp_path):
    authority.issue("locked", phrase="sesame")
    program = tmp_path / "phrase"
    program.write_text("#!/bin/sh\necho wrong\n")
    program.chmod(0o755)
    text = broken(site, f'SSLEngine on\nSSLCertificateFile "{authority.dir}/locked.crt"\nSSLCertificateKeyFile "{authority.dir}/locked.key"\n'
                        f"SSLPassPhraseDialog exec:{program}")
    assert "is encrypted" in text


# --- other clients, and many at once ---

def test_curl(secure, authority):
    secure.file("big.bin", b"x" * 3_000_000).start()
    for version_of in ("--tls-max 1.2", "--tlsv1.3"):
        done = subprocess.run(["curl", "-s", *version_of.split(), "--cacert", str(authority.cert), "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                               f"https://localhost:{secure.port}/big.bin", "--resolve", f"localhost:{secure.port}:127.0.0.1"],
                              capture_output=True, text=True, timeout=30)
        assert done.stdout == "200 3000000", done.stderr


def test_many_handshakes_with_rsa(secure, authority):
    """Private-key work goes to other threads when connections wait; all are served."""
    secure.lines = [line for line in secure.lines if "SSLEngine" not in line]
    secure.conf(f'SSLEngine on\nSSLCertificateFile "{authority.dir}/rsa.crt"\nSSLCertificateKeyFile "{authority.dir}/rsa.key"').start()
    sessions = []
    for _ in range(30):
        sock = socket.create_connection(("127.0.0.1", secure.port), timeout=10)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = authority.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            session.do_handshake()
        sock.sendall(outgoing.read())
        sessions.append((sock, session, incoming, outgoing))
    for number, (sock, session, incoming, outgoing) in enumerate(sessions):
        if number % 3 == 0:  # these go away in the middle
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            continue
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(sock.recv(16384))
        session.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.sendall(outgoing.read())
        answer = b""
        while not answer.endswith(b"hello"):
            incoming.write(sock.recv(16384))
            try:
                while piece := session.read(4096):
                    answer += piece
            except ssl.SSLWantReadError:
                pass
        sock.close()
    assert secure.get("/").body == b"hello"
