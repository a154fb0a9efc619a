"""Content negotiation: what changes while the server runs, mistakes in type maps, and names that are made to hurt."""
import os

import pytest

MULTI = '<Directory "{root}">\n    Options FollowSymLinks MultiViews\n%s\n</Directory>'
LANGUAGES = "AddLanguage en .en\nAddLanguage fr .fr\nAddLanguage de .de\nAddHandler type-map .var\nLanguagePriority en fr de\n"


def negotiating(site, more=""):
    return site.modules("negotiation").conf(LANGUAGES + MULTI % more)


def language(site, path, wanted):
    answer = site.get(path, headers={"Accept-Language": wanted})
    return answer.status, answer.headers.get("content-language")


def test_a_new_variant_is_chosen_at_once(site):
    negotiating(site).file("page.html.en", "english").start()
    with site.connect() as conn:
        for _ in range(20):
            assert conn.request("GET", "/page", {"Accept-Language": "fr, en;q=0.1"}).body == b"english"
            site.file("page.html.fr", "french")
            assert conn.request("GET", "/page", {"Accept-Language": "fr, en;q=0.1"}).body == b"french"
            os.unlink(site.root / "page.html.fr")


def test_a_changed_length_decides_at_once(site):
    negotiating(site).file("page.html", "long long long").file("page.txt", "short").start()
    with site.connect() as conn:
        for _ in range(10):
            site.file("page.html", "long long long").file("page.txt", "short")
            assert conn.request("GET", "/page").body == b"short"
            site.file("page.html", "tiny")
            assert conn.request("GET", "/page").body == b"tiny"


def test_a_variant_that_becomes_forbidden_is_not_chosen(site):
    negotiating(site, "    AllowOverride All").file("d/page.html.en", "english").file("d/page.html.fr", "french").start()
    assert language(site, "/d/page", "fr, en;q=0.5") == (200, "fr")
    site.file("d/.htaccess", '<Files "*.fr">\n    Require all denied\n</Files>\n')
    assert language(site, "/d/page", "fr, en;q=0.5") == (200, "en")
    os.unlink(site.root / "d/.htaccess")
    assert language(site, "/d/page", "fr, en;q=0.5") == (200, "fr")


def test_a_changed_type_map_counts_at_once(site):
    text = "URI: %s.html\nContent-Type: text/html\n"
    negotiating(site).file("one.html", "one").file("two.html", "two").file("x.var", text % "one").start()
    with site.connect() as conn:
        for name in ["two", "one"] * 10:
            site.file("x.var", text % name)
            assert conn.request("GET", "/x.var").body == name.encode()


def test_the_name_itself_wins_when_it_appears(site):
    negotiating(site).file("page.html", "variant").start()
    assert site.get("/page").body == b"variant"
    site.file("page", "the file")
    assert site.get("/page").body == b"the file"


def test_many_variants_are_bounded(site):
    for number in range(700):
        site.file(f"page.x{number:03d}.html", "x" * (1000 - number))
    negotiating(site, "    MultiviewsMatch Any").start()
    answer = site.get("/page")
    assert answer.status == 200 and len(answer.headers.get("alternates", "")) < 70_000


def test_a_field_with_thousands_of_elements(site):
    negotiating(site).file("page.html.en", "english").file("page.html.fr", "french").start()
    wanted = ",".join(f"x{n}" for n in range(1200)) + ",fr"
    answer = site.get("/page", headers={"Accept-Language": wanted})
    assert answer.status in (200, 406)
    assert language(site, "/page", "fr") == (200, "fr")


@pytest.mark.parametrize("text", [
    b"", b"\n\n\n", b"URI", b"URI:", b":", b"URI: x\x00y\nContent-Type: text/html\n", b"\xff\xfe\x00\x01",
    b"URI: page.html\nContent-Type: text/html\nContent-Length: -1\n", b"Body: xx\n", b"Body:\n",
    b"URI: ../../../../etc/passwd\nContent-Type: text/plain\n", b"URI: %00\nContent-Type: text/html\n",
    b"URI: %2e%2e/%2e%2e/etc/passwd\nContent-Type: text/plain\n", b"URI: //evil.example/\nContent-Type: text/html\n",
    b"URI: http://evil.example/\nContent-Type: text/html\n", b"URI: a\rb\nContent-Type: text/html\n",
    b"URI: " + b"y" * 9000 + b"\nContent-Type: text/html\n", b"URI: self.var\nContent-Type: text/html\n",
    b"Content-Type: text/html; charset=\"a\r\nX: y\"\nBody: e\nbody\ne\n" , b"(" * 5000, b"x: " * 5000,
])
def test_a_type_map_of_garbage_harms_nobody(site, text):
    negotiating(site).file("self.var", text).file("page.html", "page").file("bad.var", text).start()
    for path in ("/self.var", "/self", "/bad.var"):
        answer = site.get(path)
        assert answer.status in (200, 300, 404, 400, 403, 406, 500, 506), (path, answer.status)
        assert b"root:" not in answer.body
        assert "x" not in answer.headers and "evil" not in answer.headers.get("location", "")
    assert site.get("/page.html").body == b"page"


def test_names_that_are_not_utf_8(site):
    negotiating(site)
    for name in (b"caf\xe9.html", b"\xff\xfe.html", b"tab\there.html", b"new\nline.html", b"x" * 250 + b".html"):
        with open(os.fsencode(site.root) + b"/" + name, "wb") as file:
            file.write(b"found")
    site.start()
    for path in ("/caf%e9", "/%ff%fe", "/tab%09here", "/new%0aline", "/" + "x" * 250):
        answer = site.get(path)
        assert (answer.status, answer.body) == (200, b"found"), path
        location = answer.headers["content-location"]
        assert site.get("/" + location).body == b"found" and location.isprintable()
    assert site.get("/" + "z" * 4096).status in (403, 404)
    assert site.get("/page%00").status in (400, 404)


def test_a_directory_that_cannot_be_read(site):
    negotiating(site).file("d/page.html", "page").start()
    (site.root / "d").chmod(0o311)
    if os.geteuid() == 0 or site.get("/d/page").status != 200:
        assert site.get("/d/page").status == 403
        site.wait_log("AH00686: cannot read directory for multi")
    assert site.get("/d/page.html").status == 200
    (site.root / "d").chmod(0o755)
    assert site.get("/d/page").status == 200


def test_what_is_kept_of_variants_is_of_the_settings_that_hold(site):
    """Another language for the extension, by .htaccess, between two requests."""
    negotiating(site, "    AllowOverride All").file("d/page.html.en", "english").file("d/page.html.fr", "french").start()
    with site.connect() as conn:
        for _ in range(5):
            answer = conn.request("GET", "/d/page", {"Accept-Language": "da, fr;q=0.5"})
            assert (answer.body, answer.headers["content-language"]) == (b"french", "fr")
            site.file("d/.htaccess", "AddLanguage da .en\n")
            answer = conn.request("GET", "/d/page", {"Accept-Language": "da, fr;q=0.5"})
            assert answer.body == b"english" and "da" in answer.headers["content-language"]
            os.unlink(site.root / "d/.htaccess")


def test_a_section_of_one_url_counts_for_that_url_only(site):
    """The same files by two URLs, and a section that closes one variant of the one."""
    site.modules("alias").conf('Alias "/other" "{root}/d"\n<Location "/other/page.html.fr">\n    Require all denied\n</Location>')
    negotiating(site).file("d/page.html.en", "english").file("d/page.html.fr", "french").start()
    with site.connect() as conn:
        for _ in range(3):
            assert conn.request("GET", "/d/page", {"Accept-Language": "fr, en;q=0.5"}).body == b"french"
            assert conn.request("GET", "/other/page", {"Accept-Language": "fr, en;q=0.5"}).body == b"english"


def test_a_kept_choice_is_made_anew_for_each_client(site):
    negotiating(site, "    DirectoryIndex index").file("index.html.en", "english").file("index.html.fr", "french").start()
    with site.connect() as conn:
        for wanted, body in [("fr", b"french"), ("en", b"english"), ("fr;q=0.1, en", b"english"), ("fr", b"french")] * 3:
            answer = conn.request("GET", "/", {"Accept-Language": wanted})
            assert answer.body == body and "accept-language" in answer.headers["vary"]
        listed = conn.request("GET", "/index", {"Negotiate": "trans", "Accept-Language": "fr"})
        assert listed.status == 300 and listed.headers["alternates"].count("{length 7}") == 1
