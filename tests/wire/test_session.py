"""Sessions and logins by form: a browser's whole way, in the order of a visit, and what an attacker tries on it."""
import base64
import hashlib
import re
from urllib.parse import parse_qs, urlencode

import pytest

pytestmark = pytest.mark.every_protocol

MODULES = ("auth_form", "authn_core", "authn_file", "authz_user", "session", "session_cookie", "headers", "request")
FORM = "application/x-www-form-urlencoded"
CONF = """
Session On
SessionCookieName sid path=/;HttpOnly;SameSite=Strict
SessionMaxAge 600
%s
<Location /private>
    AuthType Form
    AuthName Members
    AuthFormProvider file
    AuthUserFile {run}/users
    AuthFormLoginRequiredLocation http://localhost:{port}/login.html
    Require valid-user
</Location>
<Location /dologin>
    SetHandler form-login-handler
    AuthType Form
    AuthName Members
    AuthFormProvider file
    AuthUserFile {run}/users
    AuthFormLoginRequiredLocation /login.html
    AuthFormLoginSuccessLocation /private/
</Location>
<Location /dologout>
    SetHandler form-logout-handler
    AuthName Members
    AuthFormLogoutLocation /bye.html
</Location>
"""
CRYPTO = "SessionCryptoPassphrase correct-horse"


def sha(password):
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def form_site(site, extra="", conf=CONF, modules=()):
    site.file("private/index.html", b"inside").file("login.html", b"log in").file("bye.html", b"bye")
    (site.run_dir / "users").write_text("alice:" + sha("sesame") + "\n")
    site.modules(*MODULES, *modules).conf(conf % extra)
    return site


def post(site, path, fields, cookie=None, content_type=FORM):
    headers = {"Content-Type": content_type}
    if cookie:
        headers["Cookie"] = cookie
    return site.get(path, headers, "POST", urlencode(fields).encode())


def cookie_of(answer):
    return answer.headers["set-cookie"].split(";")[0]


def log_in(site, password="sesame"):
    return post(site, "/dologin", {"httpd_username": "alice", "httpd_password": password})


def test_login_page_logout(site):
    form_site(site).start()
    first = site.get("/private/")
    assert (first.status, first.headers["location"]) == (302, f"http://localhost:{site.port}/login.html")
    done = log_in(site)
    assert done.status == 302 and done.headers["location"].endswith("/private/")
    cookie = cookie_of(done)
    page = site.get("/private/", {"Cookie": cookie})
    assert (page.status, page.body) == (200, b"inside")
    out = site.get("/dologout", {"Cookie": cookie})
    assert out.status == 307 and out.headers["location"].endswith("/bye.html")
    assert out.headers["set-cookie"].startswith("sid=;Max-Age=0;")
    assert site.get("/private/").status == 302
    site.wait(lambda: any(" alice [" in line and "/private/" in line for line in site.access_log), "the user's log line")


def test_cookie_flags(site):
    form_site(site).start()
    done = log_in(site)
    assert re.fullmatch(r"sid=[^;]+;Max-Age=600;path=/;HttpOnly;SameSite=Strict", done.headers["set-cookie"])
    assert site.get("/private/", {"Cookie": cookie_of(done)}).headers["cache-control"] == "no-cache, private"


def test_cookie_flags_unsaid_are_the_careful_ones(site):
    conf = CONF.replace("sid path=/;HttpOnly;SameSite=Strict", "sid").replace("SessionMaxAge 600", "")
    form_site(site, conf=conf).start()
    assert log_in(site).headers["set-cookie"].endswith(";HttpOnly;Secure;Version=1")


def test_cookie_without_max_age(site):
    form_site(site, "SessionCookieMaxAge Off").start()
    assert "Max-Age" not in log_in(site).headers["set-cookie"]


def test_wrong_password_and_unknown_user(site):
    form_site(site).start()
    for fields in ({"httpd_username": "alice", "httpd_password": "guess"},
                   {"httpd_username": "mallory", "httpd_password": "sesame"},
                   {"httpd_username": "alice"}, {}):
        answer = post(site, "/dologin", fields)
        assert answer.status == 302 and answer.headers["location"].endswith("/login.html")
        assert "set-cookie" not in answer.headers
    site.wait_log(r"AH01807: user 'alice': authentication failure")
    site.wait_log(r"AH01808: user 'mallory' not found")


def test_login_needs_post(site):
    form_site(site).start()
    assert site.get("/dologin").status == 405


def test_form_limits(site):
    form_site(site).start()
    assert post(site, "/dologin", {"httpd_username": "a" * 9000}).status == 413
    assert site.get("/dologin", {"Content-Type": FORM}, "POST", b"httpd_username=%zz").status == 400
    assert site.get("/dologin", {"Content-Type": FORM}, "POST", b"httpd_username=a%00b").status == 400
    assert post(site, "/dologin", {"httpd_username": "alice", "httpd_password": "sesame"},
                content_type="text/plain").status == 302
    many = "&".join(f"f{n}=" for n in range(1100)).encode()
    assert site.get("/dologin", {"Content-Type": FORM}, "POST", many).status == 400


def test_location_of_the_form_cannot_split_the_answer(site):
    form_site(site).start()
    fields = {"httpd_username": "alice", "httpd_password": "sesame"}
    assert post(site, "/dologin", {**fields, "httpd_location": "/x.html"}).headers["location"].endswith("/x.html")
    assert post(site, "/dologin", {**fields, "httpd_location": "/x\r\nSet-Cookie: a=b"}).status == 400


def test_forged_session_without_crypto_still_needs_the_password(site):
    form_site(site).start()
    forged = "sid=" + urlencode({"Members-user": "alice", "Members-pw": "guess"})
    assert site.get("/private/", {"Cookie": forged}).status == 302


# --- sealed ---

def test_sealed_cookie_is_unreadable_and_unchangeable(site):
    form_site(site, CRYPTO, modules=["session_crypto"]).start()
    done = log_in(site)
    cookie = cookie_of(done)
    assert "alice" not in cookie and "sesame" not in cookie
    assert cookie != cookie_of(log_in(site))
    assert site.get("/private/", {"Cookie": cookie}).status == 200
    name, _, text = cookie.partition("=")
    sealed = bytearray(base64.b64decode(text))
    for at in (0, 1, 17, 20, len(sealed) - 17, len(sealed) - 16, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        forged = name + "=" + base64.b64encode(changed).decode()
        assert site.get("/private/", {"Cookie": forged}).status == 302, at
    for text in ("", "x", "====", "AAAA", base64.b64encode(sealed[:32]).decode(), base64.b64encode(sealed + b"x").decode(),
                 "sid=" + urlencode({"Members-user": "alice", "Members-pw": "sesame"})):
        assert site.get("/private/", {"Cookie": name + "=" + text}).status == 302, text
    site.wait_log(r"AH01842: decrypt session failed")


def test_plain_session_is_refused_where_sessions_are_sealed(site):
    form_site(site, CRYPTO, modules=["session_crypto"]).start()
    plain = "sid=" + urlencode({"Members-user": "alice", "Members-pw": "sesame"})
    assert site.get("/private/", {"Cookie": plain}).status == 302


def test_old_passphrases_open_and_the_first_seals(site):
    form_site(site, CRYPTO, modules=["session_crypto"]).start()
    cookie = cookie_of(log_in(site))
    conf = site.server.conf.read_text().replace(CRYPTO, "SessionCryptoPassphrase newer correct-horse")
    site.server.conf.write_text(conf)
    site.signal(10)
    site.wait(lambda: site.error_log.count("AH00489") >= 2, "the reload")
    answer = site.wait(lambda: (lambda a: a if a.status == 200 else None)(site.get("/private/", {"Cookie": cookie})), "rotation")
    resealed = cookie_of(answer)
    conf = site.server.conf.read_text().replace("newer correct-horse", "newer")
    site.server.conf.write_text(conf)
    site.signal(10)
    site.wait(lambda: site.get("/private/", {"Cookie": cookie}).status == 302, "the old passphrase to be gone")
    assert site.get("/private/", {"Cookie": resealed}).status == 200


def test_passphrase_of_a_program_and_of_a_file(site):
    program = site.run_dir / "secret.sh"
    program.write_text("#!/bin/sh\necho correct-horse\n")
    program.chmod(0o755)
    form_site(site, f"SessionCryptoPassphrase exec:{program}", modules=["session_crypto"]).start()
    cookie = cookie_of(log_in(site))
    site.stop()
    (site.run_dir / "secrets").write_text("# keys\n\nanother\ncorrect-horse\n")
    site.lines[-1] = CONF % "SessionCryptoPassphraseFile {run}/secrets"
    site.start()
    assert site.get("/private/", {"Cookie": cookie}).status == 200


@pytest.mark.parametrize("line, error", [
    ("SessionCryptoPassphrase exec:/bin/false", "printed no passphrase"),
    ("SessionCryptoPassphrase exec:/nowhere", "cannot be started"),
    ("SessionCryptoPassphraseFile /nowhere", "cannot be read"),
    ("SessionCryptoPassphrase \"\"", "may not be empty"),
    ("SessionCryptoCipher rot13", "no cipher for sessions"),
    ("SessionCookieName \"a b\"", "takes a cookie's name"),
    ("SessionMaxAge -1", "SessionMaxAge"),
])
def test_mistakes_are_told_at_the_start(site, line, error):
    form_site(site, line, modules=["session_crypto"]).write_conf()
    run = site.run("-t")
    assert run.returncode != 0 and error in run.stderr


@pytest.mark.parametrize("cipher", ["aes128", "aes192", "aes256", "3des192"])
def test_ciphers(site, cipher):
    form_site(site, f"SessionCryptoCipher {cipher}\n{CRYPTO}", modules=["session_crypto"]).start()
    assert site.get("/private/", {"Cookie": cookie_of(log_in(site))}).status == 200


# --- expiry ---

def test_expired_session_counts_no_more(site):
    form_site(site).start()
    cookie = cookie_of(log_in(site))
    text = cookie.partition("=")[2]
    assert int(parse_qs(text)["expiry"][0]) > 10**15
    stale = re.sub(r"expiry=\d+", "expiry=1000000", cookie)
    assert site.get("/private/", {"Cookie": stale}).status == 302
    assert site.get("/private/", {"Cookie": re.sub(r"expiry=\d+", "expiry=soon", cookie)}).status == 302


def test_expiry_moves_with_each_request(site):
    form_site(site).start()
    cookie = cookie_of(log_in(site))
    assert "set-cookie" in site.get("/private/", {"Cookie": cookie}).headers


def test_expiry_is_written_at_intervals(site):
    form_site(site, "SessionExpiryUpdateInterval 300").start()
    cookie = cookie_of(log_in(site))
    assert "set-cookie" not in site.get("/private/", {"Cookie": cookie}).headers


# --- logging in where one is ---

INLINE = """
Session On
SessionCookieName sid path=/
%s
<Location /private>
    AuthType Form
    AuthName Members
    AuthUserFile {run}/users
    ErrorDocument 401 /login.html
    Require valid-user
</Location>
"""


def test_login_in_place(site):
    form_site(site, conf=INLINE).start()
    first = site.get("/private/index.html")
    assert (first.status, first.body, first.headers["cache-control"]) == (401, b"log in", "no-store")
    done = post(site, "/private/index.html", {"httpd_username": "alice", "httpd_password": "sesame"})
    assert (done.status, done.body) == (200, b"inside")
    assert site.get("/private/index.html", {"Cookie": cookie_of(done)}).body == b"inside"


def test_login_in_place_goes_on_with_the_request_it_interrupted(site):
    form_site(site, "<Location /private/echo>\nSetHandler reflector\n</Location>", conf=INLINE, modules=["reflector"]).start()
    fields = {"httpd_username": "alice", "httpd_password": "sesame", "httpd_method": "POST", "httpd_mimetype": FORM,
              "httpd_body": "name1=value1&name2=value2"}
    with site.connect() as conn:
        body = urlencode(fields).encode()
        done = conn.request("POST", "/private/echo", {"Content-Type": FORM}, body)
        assert (done.status, done.body) == (200, b"name1=value1&name2=value2")
        again = conn.request("GET", "/private/index.html", {"Cookie": cookie_of(done)})
        assert (again.status, again.body) == (200, b"inside")


def test_fake_basic_credentials(site):
    form_site(site, "AuthFormFakeBasicAuth On", conf=INLINE.replace("%s", "").replace("ErrorDocument", "%s\n    ErrorDocument"))
    site.conf("<Location /private>\nHeader set X-Seen %{HTTP:Authorization}e \"expr=true\"\n"
              "Header set X-Seen \"expr=%{HTTP:Authorization}\"\n</Location>").start()
    cookie = "sid=" + urlencode({"Members-user": "alice", "Members-pw": "sesame"})
    seen = site.get("/private/index.html", {"Cookie": cookie}).headers["x-seen"]
    assert base64.b64decode(seen.split()[1]) == b"alice:sesame"


def test_site_passphrase_stands_for_the_check_of_the_password(site):
    form_site(site, conf=INLINE.replace("%s", "").replace("ErrorDocument", "%s\n    ErrorDocument"),
              extra="AuthFormSitePassphrase open-sesame").start()
    done = post(site, "/private/index.html", {"httpd_username": "alice", "httpd_password": "sesame"})
    cookie = cookie_of(done)
    (site.run_dir / "users").write_text("alice:" + sha("other") + "\n")
    assert site.get("/private/index.html", {"Cookie": cookie}).status == 200
    other = cookie.replace("Members-user=alice", "Members-user=bob")
    assert other != cookie and site.get("/private/index.html", {"Cookie": other}).status == 401


# --- sessions without logins ---

def script_site(site, keep):
    """/out.cgi tells the server to keep something."""
    script = f"#!/bin/sh\necho 'X-Keep: {keep}'; echo; echo x\n"
    site.modules("session", "session_cookie", "headers", "cgi").file("out.cgi", script, 0o755)
    site.conf("Session On\nSessionCookieName sid path=/\nSessionHeader X-Keep\n"
              "<Directory {root}>\nOptions +ExecCGI\nAddHandler cgi-script .cgi\n</Directory>")
    return site


def test_session_header_and_environment(site):
    script_site(site, "colour=red&size=")
    site.conf("<Location /b>\nSessionEnv On\nHeader set X-Env \"expr=%{reqenv:HTTP_SESSION}\"\n</Location>").start()
    cookie = site.get("/out.cgi", {"Cookie": "sid=size=9&shape=round"}).headers["set-cookie"]
    assert cookie.startswith("sid=") and parse_qs(cookie[4:].split(";")[0]) == {"colour": ["red"], "shape": ["round"]}
    site.file("b", b"b")
    assert site.get("/b", {"Cookie": "sid=colour=red"}).headers["x-env"] == "colour=red"


def test_include_exclude(site):
    script_site(site, "a=b").conf("SessionInclude /out.cgi/in\nSessionExclude /out.cgi/in/not").start()
    assert "set-cookie" in site.get("/out.cgi/in/a").headers
    assert "set-cookie" not in site.get("/out.cgi/in/not/a").headers
    assert "set-cookie" not in site.get("/out.cgi/out").headers


def test_cookie_is_hidden_from_applications(site):
    site.file("a.txt", b"a").modules("session", "session_cookie", "headers")
    site.conf("Session On\nSessionCookieName sid path=/\nSessionCookieRemove On\nSessionEnv On\n"
              "Header set X-Cookie \"expr=[%{HTTP_COOKIE}]\"").start()
    assert site.get("/a.txt", {"Cookie": "a=1; sid=x=y; b=2"}).headers["x-cookie"] == "[a=1; b=2]"
    assert site.get("/a.txt", {"Cookie": "sid=x=y"}).headers["x-cookie"] == "[]"


def test_cookie_sent_twice_is_no_session(site):
    form_site(site).start()
    cookie = cookie_of(log_in(site))
    assert site.get("/private/", {"Cookie": f"{cookie}; {cookie}"}).status == 302


def test_too_large_a_session_is_not_stored(site):
    script_site(site, "").file("out.cgi", "#!/bin/sh\nfor n in 1 2 3 4 5 6 7 8 9 10; do printf 'X-Keep: n%s=' $n;"
                               " head -c 7000 /dev/zero | tr '\\0' x; echo; done; echo; echo x\n", 0o755).start()
    answer = site.get("/out.cgi")
    assert answer.status == 200 and len(answer.headers.get("set-cookie", "")) < 65536


def test_htaccess_may_not_run_programs(site):
    site.file("p/.htaccess", "SessionCryptoPassphrase exec:/bin/date\n").file("p/a.txt", b"a")
    site.modules("session", "session_cookie", "session_crypto")
    site.conf("<Directory {root}/p>\nAllowOverride All\n</Directory>").start()
    assert site.get("/p/a.txt").status == 500


def test_form_needs_mod_session(site):
    site.modules("auth_form", "authn_core").write_conf()
    run = site.run("-t")
    assert run.returncode != 0 and "mod_session" in run.stderr
