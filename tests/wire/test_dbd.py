"""SQL databases: users, groups, logins and rewrite maps from an SQLite file, through mod_dbd."""
import base64
import hashlib
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not list(Path("/usr/lib").glob("*/apr-util-1/apr_dbd_sqlite3.so")), reason="APR's driver is not installed")

MODULES = ("dbd", "auth_basic", "auth_digest", "authn_core", "authn_dbd", "authz_dbd", "authz_user", "rewrite", "headers")
BASE = 'DBDriver sqlite3\nDBDParams "{run}/db/site.db"\n'
PLACE = """
<Location /p>
    AuthType Basic
    AuthName Members
    AuthBasicProvider dbd
    AuthDBDUserPWQuery "SELECT password, mail, full_name FROM users WHERE name = %s"
    @RULES@
</Location>
"""


def place(rules=""):
    return PLACE.replace("@RULES@", rules)


def sha(password):
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def basic(user, password="sesame"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def database(site):
    """The site's database; the server's user may write it."""
    folder = site.run_dir / "db"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    db = sqlite3.connect(folder / "site.db")
    os.chmod(folder / "site.db", 0o666)
    return db


def dbd_site(site, conf=PLACE.replace("@RULES@", ""), base=BASE):
    db = database(site)
    db.executescript("""
        CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT, mail TEXT, full_name TEXT, login INTEGER DEFAULT 0, page TEXT);
        CREATE TABLE groups (name TEXT, member TEXT);
        CREATE TABLE pages (old TEXT, new TEXT);
        INSERT INTO groups VALUES ('team', 'alice'), ('others', 'alice'), ('others', 'bob');
        INSERT INTO pages VALUES ('one', 'a'), ('two', 'b');
    """)
    db.executemany("INSERT INTO users (name, password, mail, full_name, page) VALUES (?, ?, ?, ?, ?)",
                   [("alice", sha("sesame"), "a@x.test", "Alice A", "/home.html"), ("bob", sha("sesame"), None, "Bob", None),
                    ("carol", None, None, None, None)])
    db.commit()
    db.close()
    for name in ("a", "b"):
        site.file(f"{name}.txt", name.encode())
    site.file("p/a.txt", b"in").file("p/in", b"in").file("p/out", b"out").modules(*MODULES).conf(base + conf)
    return site


def change(site, sql, *values):
    db = database(site)
    db.execute(sql, values)
    db.commit()
    db.close()


def test_users_and_passwords(site):
    dbd_site(site, place("Require valid-user")).start()
    assert site.get("/p/a.txt").status == 401
    assert site.get("/p/a.txt", basic("alice")).status == 200
    assert site.get("/p/a.txt", basic("alice", "guess")).status == 401
    assert site.get("/p/a.txt", basic("mallory")).status == 401
    assert site.get("/p/a.txt", basic("carol")).status == 401
    change(site, "UPDATE users SET password = ? WHERE name = 'alice'", sha("other"))
    assert site.get("/p/a.txt", basic("alice")).status == 401
    assert site.get("/p/a.txt", basic("alice", "other")).status == 200


@pytest.mark.parametrize("name", ["' OR '1'='1", "alice' --", "alice'; DROP TABLE users; --", "%s", "\\'", "alice\n"])
def test_names_are_never_part_of_the_statement(site, name):
    dbd_site(site, place("Require valid-user")).start()
    assert site.get("/p/a.txt", basic(name)).status == 401
    assert site.get("/p/a.txt", basic("alice")).status == 200


def test_further_columns_are_variables(site):
    dbd_site(site, place('Require valid-user\nHeader set X-Mail "expr=%{reqenv:AUTHENTICATE_MAIL}/%{reqenv:AUTHENTICATE_FULL_NAME}"')).start()
    assert site.get("/p/a.txt", basic("alice")).headers["x-mail"] == "a@x.test/Alice A"
    assert site.get("/p/a.txt", basic("bob")).headers["x-mail"] == "/Bob"


def test_digest(site):
    ha1 = hashlib.md5(b"alice:Members:sesame").hexdigest()
    dbd_site(site, '<Location /p>\nAuthType Digest\nAuthName Members\nAuthDigestProvider dbd\nRequire valid-user\n'
                   'AuthDBDUserRealmQuery "SELECT password FROM users WHERE name = %s AND %s = \'Members\'"\n</Location>').start()
    change(site, "UPDATE users SET password = ? WHERE name = 'alice'", ha1)
    challenge = site.get("/p/a.txt").headers["www-authenticate"]
    nonce = challenge.split('nonce="')[1].split('"')[0]
    ha2 = hashlib.md5(b"GET:/p/a.txt").hexdigest()
    response = hashlib.md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}".encode()).hexdigest()
    field = (f'Digest username="alice", realm="Members", nonce="{nonce}", uri="/p/a.txt", qop=auth, nc=00000001, cnonce="c", '
             f'response="{response}"')
    assert site.get("/p/a.txt", {"Authorization": field}).status == 200


def test_groups(site):
    rule = 'AuthzDBDQuery "SELECT name FROM groups WHERE member = %s"\nRequire dbd-group team'
    dbd_site(site, place(rule)).start()
    assert site.get("/p/a.txt", basic("alice")).status == 200
    assert site.get("/p/a.txt", basic("bob")).status == 401
    change(site, "INSERT INTO groups VALUES ('team', 'bob')")
    assert site.get("/p/a.txt", basic("bob")).status == 200


def test_login_and_logout(site):
    rules = ('<Location /p/in>\nRequire dbd-login\nAuthzDBDQuery "UPDATE users SET login = 1 WHERE name = %s"\n'
             'AuthzDBDRedirectQuery "SELECT page FROM users WHERE name = %s"\nAuthzDBDLoginToReferer On\n</Location>\n'
             '<Location /p/out>\nRequire dbd-logout\nAuthzDBDQuery "UPDATE users SET login = 0 WHERE name = %s"\n</Location>\n')
    dbd_site(site, place("Require valid-user") + rules).start()

    def logged_in(name):
        db = database(site)
        row = db.execute("SELECT login FROM users WHERE name = ?", (name,)).fetchone()
        db.close()
        return row[0]

    assert site.get("/p/in").status == 401 and logged_in("alice") == 0
    answer = site.get("/p/in", basic("alice"))
    assert (answer.status, logged_in("alice")) == (302, 1) and answer.headers["location"].endswith("/home.html")
    answer = site.get("/p/in", {**basic("alice"), "Referer": "http://x.test/from"})
    assert answer.status == 302 and answer.headers["location"] == "http://x.test/from"
    assert site.get("/p/in", basic("bob")).body == b"in" and logged_in("bob") == 1
    assert site.get("/p/out", basic("alice")).body == b"out" and logged_in("alice") == 0


def test_rewrite_maps(site):
    rules = ('RewriteEngine On\nRewriteMap asked "dbd:SELECT new FROM pages WHERE old = %s"\n'
             'RewriteMap kept "fastdbd:SELECT new FROM pages WHERE old = %s"\n'
             'RewriteRule "^/asked/(.*)$" "/${asked:$1|none}.txt"\nRewriteRule "^/kept/(.*)$" "/${kept:$1|none}.txt"')
    dbd_site(site, rules).start()
    assert site.get("/asked/one").body == b"a" and site.get("/kept/one").body == b"a"
    assert site.get("/asked/'x").status == 404 and site.get("/kept/zzz").status == 404
    change(site, "UPDATE pages SET new = 'b' WHERE old = 'one'")
    assert site.get("/asked/one").body == b"b"


def test_labelled_statement_and_initial_ones(site):
    base = BASE + 'DBDPrepareSQL "SELECT password FROM users WHERE name = %s" who\nDBDInitSQL "PRAGMA case_sensitive_like = ON"\nDBDMin 2\n'
    conf = '<Location /p>\nAuthType Basic\nAuthName M\nAuthBasicProvider dbd\nAuthDBDUserPWQuery who\nRequire valid-user\n</Location>'
    dbd_site(site, conf, base).start()
    assert site.get("/p/a.txt", basic("alice")).status == 200


def test_virtual_host_with_a_database_of_its_own(site):
    conf = place("Require valid-user") + '<VirtualHost *:{port}>\nServerName other.test\nDBDParams "{run}/db/other.db"\n</VirtualHost>'
    dbd_site(site, conf).start()
    assert site.get("/p/a.txt", {**basic("alice"), "Host": "other.test"}).status == 500
    site.wait_log("AH00632")


@pytest.mark.parametrize("extra", ["DBDPersist Off", "DBDMax 1", "DBDKeep 0\nDBDMin 0\nDBDExptime 0", "DBDPersist 1\nDBDMax 3"])
def test_many_at_once(site, extra):
    dbd_site(site, place("Require valid-user"), BASE + extra + "\n").start()
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda n: site.get("/p/a.txt", basic("alice")).status, range(60)))
    assert found == [200] * 60


def test_failing_database_lets_nobody_in(site):
    dbd_site(site, place("Require valid-user")).start()
    assert site.get("/p/a.txt", basic("alice")).status == 200
    change(site, "ALTER TABLE users RENAME TO gone")
    assert site.get("/p/a.txt", basic("alice")).status == 500
    change(site, "ALTER TABLE gone RENAME TO users")
    assert site.get("/p/a.txt", basic("alice")).status == 200


@pytest.mark.parametrize("conf, error", [
    ("DBDriver nonsense", "no such driver"), ("DBDMax 0", "DBDMax"), ("DBDPersist maybe", "On or Off"),
])
def test_mistakes_are_told_at_the_start(site, conf, error):
    site.modules("dbd").conf(conf).write_conf()
    run = site.run("-t")
    assert run.returncode != 0 and error in run.stderr


def test_modules_that_need_it_say_so(site):
    site.modules("authn_core", "authn_dbd").write_conf()
    run = site.run("-t")
    assert run.returncode != 0 and "mod_dbd" in run.stderr
    site.conf('RewriteMap x "dbd:SELECT 1"').modules("rewrite").write_conf()
    assert site.run("-t").returncode != 0


def test_a_place_without_a_database(site):
    dbd_site(site, place("Require valid-user"), "").start()
    assert site.get("/p/a.txt", basic("alice")).status == 500
    site.wait_log("PN21110")
