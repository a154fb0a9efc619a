"""Who may come in: what a comparison of answers cannot show. Freshness of password files, the cost of
a slow hash, digest nonces with their counts, and log lines that fail2ban understands."""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.every_protocol

PLACE = """
<Location />
    AuthType Basic
    AuthName Members
    AuthUserFile {run}/users
    AuthGroupFile {run}/groups
    Require %s
</Location>
"""
BASIC = ("auth_basic", "authn_core", "authn_file", "authz_user", "authz_groupfile")


def basic(user, password):
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": "Basic " + token}


def sha(password):
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def write(path, text):
    path.write_text(text)
    path.chmod(0o644)


def basic_site(site, require="valid-user", users="", groups=""):
    site.file("a.txt", b"hello").modules(*BASIC).conf(PLACE % require)
    write(site.run_dir / "users", users)
    write(site.run_dir / "groups", groups)
    return site


# --- files that change ---

def test_rewritten_password_file_counts_at_once(site):
    basic_site(site, users="alice:" + sha("0")).start()
    path = site.run_dir / "users"
    with site.connect() as conn:
        for n in range(1000):
            write(path, "alice:" + sha(str(n)) + "\n")
            assert conn.request("GET", "/a.txt", basic("alice", str(n))).status == 200
            assert conn.request("GET", "/a.txt", basic("alice", str(n - 1))).status == 401


def test_replaced_and_removed_password_file(site):
    basic_site(site, users="alice:" + sha("0")).start()
    path = site.run_dir / "users"
    with site.connect() as conn:
        for n in range(300):
            write(site.run_dir / "fresh", "alice:" + sha(str(n)) + "\n")
            (site.run_dir / "fresh").rename(path)
            assert conn.request("GET", "/a.txt", basic("alice", str(n))).status == 200
            assert conn.request("GET", "/a.txt", basic("alice", str(n - 1))).status == 401
        path.unlink()
    assert site.get("/a.txt", basic("alice", "299")).status == 500
    write(path, "alice:" + sha("back") + "\n")
    assert site.get("/a.txt", basic("alice", "back")).status == 200


def test_same_size_and_time_but_other_content(site):
    basic_site(site, users="alice:" + sha("0")).start()
    path = site.run_dir / "users"
    with site.connect() as conn:
        for n in range(200):
            write(path, "alice:" + sha(str(n)) + "\n")
            os.utime(path, (1600000000, 1600000000))
            assert conn.request("GET", "/a.txt", basic("alice", str(n))).status == 200
            assert conn.request("GET", "/a.txt", basic("alice", str(n - 1))).status == 401


def test_a_settled_file_that_changes(site):
    """Held in memory for good, until it is another."""
    basic_site(site, users="alice:" + sha("old")).start()
    time.sleep(3.2)
    for _ in range(3):
        assert site.get("/a.txt", basic("alice", "old")).status == 200
    write(site.run_dir / "users", "alice:" + sha("new"))
    assert site.get("/a.txt", basic("alice", "old")).status == 401
    assert site.get("/a.txt", basic("alice", "new")).status == 200


def test_changed_group_file_counts_at_once(site):
    basic_site(site, "group staff", "alice:" + sha("a"), "staff: alice\n").start()
    with site.connect() as conn:
        for n in range(300):
            write(site.run_dir / "groups", "staff: " + ("alice" if n % 2 else "bob") + "\n")
            want = 200 if n % 2 else 401
            assert conn.request("GET", "/a.txt", basic("alice", "a")).status == want


# --- hashes ---

def test_a_slow_hash_costs_once(site):
    line = subprocess.run(["htpasswd", "-nbBC", "11", "bob", "builder"], capture_output=True,
                          text=True, check=True).stdout
    basic_site(site, users=line).conf("StartServers 1\nServerLimit 1").start()

    def timed():
        begun = time.monotonic()
        assert site.get("/a.txt", basic("bob", "builder")).status == 200
        return time.monotonic() - begun

    first = timed()
    later = min(timed() for _ in range(5))
    assert first > 0.02
    assert later < first / 5
    assert site.get("/a.txt", basic("bob", "builder2")).status == 401


def test_a_slow_hash_delays_nobody_else(site):
    line = subprocess.run(["htpasswd", "-nbBC", "13", "bob", "builder"], capture_output=True,
                          text=True, check=True).stdout
    basic_site(site, users=line).conf("StartServers 1\nServerLimit 1").start()
    with site.connect(timeout_s=20) as slow:
        asked = slow.ask("GET", "/a.txt", basic("bob", "builder").items())
        begun = time.monotonic()
        for _ in range(5):
            assert site.get("/a.txt").status == 401
        quick = time.monotonic() - begun
        assert slow.answer(asked).status == 200
        assert time.monotonic() - begun > quick


# --- DBM files ---

@pytest.mark.skipif(not shutil.which("htdbm"), reason="htdbm is not installed")
def test_dbm_users_and_groups(site):
    users = site.run_dir / "dbm"
    subprocess.run(["htdbm", "-bcs", str(users), "alice", "wonderland"], check=True,
                   capture_output=True)
    subprocess.run(["htdbm", "-bst", str(users), "bob", "builder", "admin,staff"], check=True,
                   capture_output=True)
    for path in site.run_dir.glob("dbm*"):
        path.chmod(0o644)
    site.file("a.txt", b"hello").file("g/a.txt", b"group")
    site.modules("auth_basic", "authn_core", "authn_dbm", "authz_user", "authz_dbm").conf("""
<Location />
    AuthType Basic
    AuthName Members
    AuthBasicProvider dbm
    AuthDBMUserFile {run}/dbm
    AuthDBMGroupFile {run}/dbm
    Require valid-user
</Location>
<Location /g/>
    Require dbm-group staff
</Location>
""").start()
    assert site.get("/a.txt", basic("alice", "wonderland")).status == 200
    assert site.get("/a.txt", basic("alice", "no")).status == 401
    assert site.get("/a.txt", basic("carol", "no")).status == 401
    assert site.get("/g/a.txt", basic("bob", "builder")).status == 200
    assert site.get("/g/a.txt", basic("alice", "wonderland")).status == 401


# --- many networks ---

def test_ten_thousand_networks(site):
    lines = "\n".join(f"    Require ip 10.{n // 250}.{n % 250}.0/25" for n in range(10000))
    site.file("a.txt", b"a").file("b.txt", b"b").modules("authz_host").conf(
        f"<Location /a.txt>\n{lines}\n</Location>\n"
        f"<Location /b.txt>\n{lines}\n    Require ip 127.0.0.1\n</Location>").start()
    assert site.get("/a.txt").status == 403
    assert site.get("/b.txt").status == 200


# --- digest ---

DIGEST = """
<Location />
    AuthType Digest
    AuthName "Members only"
    AuthDigestDomain / /other
    AuthUserFile {run}/digests
    Require valid-user
    %s
</Location>
"""
ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def digest_site(site, extra="", algorithm="MD5"):
    kd = ALGORITHMS[algorithm]
    site.file("a.txt", b"hello").file("index.html", b"home")
    site.modules("auth_digest", "authn_core", "authn_file", "authz_user")
    site.conf(DIGEST % (f"AuthDigestAlgorithm {algorithm}\n    {extra}"))
    lines = [f"{user}:Members only:" + kd(f"{user}:Members only:{word}".encode()).hexdigest()
             for user, word in (("alice", "wonderland"), ("bob", "builder"))]
    write(site.run_dir / "digests", "\n".join(lines) + "\n")
    return site.start()


def fields_of(text):
    return {name: quoted or plain for name, quoted, plain
            in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', text)}


class Client:
    """What a browser does with a challenge."""

    def __init__(self, site, user="alice", password="wonderland", algorithm="MD5"):
        self.site, self.user, self.password = site, user, password
        self.algorithm, self.count = algorithm, 0
        self.take(site.get("/a.txt"))

    def take(self, answer):
        assert answer.status == 401
        self.challenge = fields_of(answer.headers["www-authenticate"])
        self.count = 0

    def hash(self, *parts):
        return ALGORITHMS[self.algorithm](":".join(parts).encode()).hexdigest()

    def header(self, uri="/a.txt", method="GET", count=None, drop=(), **changed):
        if count is None:
            self.count += 1
            count = self.count
        sent = {"username": self.user, "realm": self.challenge["realm"],
                "nonce": self.challenge["nonce"], "uri": uri, "qop": "auth", "nc": f"{count:08x}",
                "cnonce": "0a4f113b", "algorithm": self.algorithm, **changed}
        ha1 = self.hash(sent["username"], sent["realm"], self.password)
        ha2 = self.hash(method, sent["uri"])
        sent.setdefault("response", self.hash(ha1, sent["nonce"], sent["nc"], sent["cnonce"],
                                              sent["qop"], ha2))
        self.proof = self.hash(ha1, sent["nonce"], sent["nc"], sent["cnonce"], sent["qop"],
                               self.hash("", sent["uri"]))
        plain = ("nc", "qop", "algorithm")
        return "Digest " + ", ".join(f"{k}={v}" if k in plain else f'{k}="{v}"'
                                     for k, v in sent.items() if k not in drop)

    def get(self, path="/a.txt", method="GET", **changed):
        changed.setdefault("uri", path)
        return self.site.get(path, {"Authorization": self.header(method=method, **changed)}, method)


@pytest.mark.spec("RFC7616-3")
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_lets_in(site, algorithm):
    digest_site(site, algorithm=algorithm)
    client = Client(site, algorithm=algorithm)
    assert client.challenge["realm"] == "Members only"
    assert client.challenge["algorithm"] == algorithm
    assert client.challenge["qop"] == "auth"
    assert client.challenge["domain"] == "/ /other"
    for path in ("/a.txt", "/a.txt?x=1&y=%20", "/"):
        answer = client.get(path)
        assert answer.status == 200
        info = fields_of(answer.headers["authentication-info"])
        assert info["rspauth"] == client.proof
        assert info["nc"] == f"{client.count:08x}"
    assert client.get(method="HEAD").status == 200


@pytest.mark.spec("RFC7616-3.4")
def test_digest_refuses(site):
    digest_site(site)
    client = Client(site)
    refused = [
        dict(response="0" * 32), dict(response=""), dict(username="bob"), dict(username="nobody"),
        dict(realm="Members"), dict(nonce="x" * 44), dict(nonce=""), dict(nc="1"),
        dict(nc="zzzzzzzz"), dict(nc="-0000001"), dict(qop="auth-int"), dict(qop="none"),
        dict(algorithm="SHA-256"), dict(algorithm="MD5-sess"), dict(username=""), dict(cnonce=""),
    ]
    for changed in refused[:-1]:
        answer = client.get(**changed)
        assert answer.status == 401, changed
        assert "nonce=" in answer.headers["www-authenticate"], changed
    for name in ("username", "realm", "nonce", "uri", "response", "cnonce", "nc", "qop"):
        assert client.get(drop=(name,)).status == 401, name
    assert client.get("/index.html").status == 200
    assert site.get("/a.txt", {"Authorization": client.header(uri="/index.html")}).status == 400
    assert site.get("/a.txt", {"Authorization": client.header(method="POST")}).status == 401
    twice = client.header() + ', username="bob"'
    assert site.get("/a.txt", {"Authorization": twice}).status == 401
    for text in ("Digest", "Digest foo", 'Digest "', "Digest =", "Digest " + "," * 3000,
                 'Digest username="' + "\\" * 999, "Basic YTpi", "Digest " + "a=b," * 900):
        assert site.get("/a.txt", {"Authorization": text}).status == 401, text
    assert client.get().status == 200


@pytest.mark.spec("RFC7616-3.4")
def test_digest_replay_is_refused_by_every_child(site):
    digest_site(site, extra="")
    client = Client(site)
    header = client.header()
    assert site.get("/a.txt", {"Authorization": header}).status == 200
    for _ in range(60):  # a connection each: they spread over the children
        answer = site.get("/a.txt", {"Authorization": header})
        assert answer.status == 401
        assert fields_of(answer.headers["www-authenticate"])["stale"] == "true"


def test_digest_counts_may_overtake_each_other(site):
    digest_site(site)
    client = Client(site)
    for count in (5, 3, 4, 1, 40, 39, 2):
        assert client.get(count=count).status == 200, count
    for count in (5, 3, 4, 1, 40, 39, 2):
        assert client.get(count=count).status == 401, count
    assert client.get(count=1000).status == 200
    assert client.get(count=900).status == 401  # too far behind to be told from a replay


def test_digest_count_check_can_be_off(site):
    digest_site(site, "AuthDigestNcCheck Off")
    client = Client(site)
    assert [client.get(count=1).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.spec("RFC7616-3.3")
def test_digest_nonce_expires(site):
    digest_site(site, "AuthDigestNonceLifetime 1")
    client = Client(site)
    assert client.get().status == 200
    time.sleep(1.2)
    answer = client.get()
    assert answer.status == 401
    client.take(answer)
    assert client.challenge["stale"] == "true"
    assert client.get().status == 200


def test_digest_nonce_for_one_request(site):
    digest_site(site, "AuthDigestNonceLifetime 0")
    client = Client(site)
    answer = client.get()
    assert answer.status == 200
    follower = fields_of(answer.headers["authentication-info"])["nextnonce"]
    assert client.get(count=2).status == 401
    client.challenge["nonce"] = follower
    assert client.get(count=1).status == 200


def test_digest_nonce_of_another_realm_is_foreign(site):
    digest_site(site)
    client = Client(site)
    stranger = Client(site, "bob", "builder")
    assert stranger.get().status == 200
    client.challenge["nonce"] = stranger.challenge["nonce"][:-6] + "AAAAA="
    answer = client.get()
    assert answer.status == 401
    assert fields_of(answer.headers["www-authenticate"])["stale"] == "true"


def test_digest_many_nonces_at_a_time(site):
    """More clients than the table has room for: nobody's replay is let in."""
    digest_site(site)
    header = Client(site).header()
    assert site.get("/a.txt", {"Authorization": header}).status == 200
    with site.connect() as conn:
        for _ in range(2500):
            answer = conn.request("GET", "/a.txt")
            client = Client.__new__(Client)
            client.__dict__.update(site=site, user="alice", password="wonderland",
                                   algorithm="MD5", count=0)
            client.take(answer)
            again = conn.request("GET", "/a.txt", {"Authorization": client.header()})
            if again.status == 401:  # its bucket was full: one more round
                client.take(again)
                again = conn.request("GET", "/a.txt", {"Authorization": client.header()})
            assert again.status == 200
        assert conn.request("GET", "/a.txt", {"Authorization": header}).status == 401


# --- fail2ban ---

FAIL2BAN_FILTER = "/etc/fail2ban/filter.d/apache-auth.conf"


@pytest.mark.skipif(not os.path.exists(FAIL2BAN_FILTER) or not shutil.which("fail2ban-regex"),
                    reason="fail2ban is not installed")
def test_fail2ban_sees_every_failed_try(site):
    basic_site(site, "group staff", "alice:" + sha("a") + "\nbob:" + sha("b"), "staff: alice\n")
    site.file("no/a.txt", b"x").file("d/a.txt", b"x").file("old/a.txt", b"x").file("u/a.txt", b"x")
    write(site.run_dir / "digests", "carol:Members only:" + "0" * 32 + "\n")
    site.modules("auth_digest", "access_compat").conf("""
<Location /no/>
    AuthMerging Off
    Require all denied
</Location>
<Location /old/>
    Require all granted
    Order allow,deny
</Location>
<Location /u/>
    Require user alice
</Location>
<Location /d/>
    AuthType Digest
    AuthName "Members only"
    AuthUserFile {run}/digests
    Require valid-user
</Location>
""").start()
    assert site.get("/a.txt", basic("alice", "wrong")).status == 401
    assert site.get("/a.txt", basic("nobody", "x")).status == 401
    assert site.get("/a.txt", basic("evil user", "x")).status == 401
    assert site.get("/a.txt", {"Authorization": "Bearer x"}).status == 401
    assert site.get("/a.txt", basic("bob", "b")).status == 401
    assert site.get("/u/a.txt", basic("bob", "b")).status == 401
    assert site.get("/no/a.txt").status == 403
    assert site.get("/old/a.txt").status == 403
    challenge = fields_of(site.get("/d/a.txt").headers["www-authenticate"])
    for user in ("carol", "dave"):
        text = (f'Digest username="{user}", realm="Members only", nonce="{challenge["nonce"]}", '
                f'uri="/d/a.txt", qop=auth, nc=00000001, cnonce="x", response="{"0" * 32}"')
        assert site.get("/d/a.txt", {"Authorization": text}).status == 401
    site.wait_log("AH01790")
    lines = [line for line in site.error_log.splitlines() if "client 127.0.0.1" in line]
    log = site.run_dir / "seen.log"
    log.write_text("\n".join(lines) + "\n")
    out = subprocess.run(["fail2ban-regex", "--print-all-matched", str(log), FAIL2BAN_FILTER],
                         capture_output=True, text=True, check=False).stdout
    matched = out[out.index("Matched line(s):"):] if "Matched line(s):" in out else out
    for number in ("AH01617", "AH01618", "AH01614", "AH01666", "AH01631", "AH01630", "AH01797",
                   "AH01794", "AH01790"):
        assert number in site.error_log, number
        assert number in matched, f"{number} is not matched:\n{out}\n{chr(10).join(lines)}"


# --- Argon2: made with the reference implementation, of the password "sesame" ---

@pytest.mark.parametrize("stored", [
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$PGZuLxpw7DGQ3DRyUDXI+lwTZRqDJ10LwiobwcX9Xwc",
    "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$ppSbIkGVaduVc/UutPNZ2jL4HbMBSYiX+npq0Ljji00",
    "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$JGoLCeog5AEqC20FkBqLLpJEfzPkRo9zzy/08k6rSNY",
])
def test_argon2(site, stored):
    basic_site(site, users="alice:" + stored + "\n").start()
    assert site.get("/a.txt", basic("alice", "sesame")).status == 200
    assert site.get("/a.txt", basic("alice", "guess")).status == 401


@pytest.mark.parametrize("stored", [
    "$argon2id$", "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=x,t=1,p=1$c29tZXNhbHQ$AAAA",
    "$argon2id$v=19$m=2097152,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA", "$argon3$v=19$m=8,t=1,p=1$a$b",
])
def test_argon2_that_is_broken_or_takes_too_much_memory(site, stored):
    basic_site(site, users="alice:" + stored + "\n").start()
    assert site.get("/a.txt", basic("alice", "sesame")).status == 401
