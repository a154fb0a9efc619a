"""Directory listings: what no comparison with another server can show (size, memory, freshness, the modern form)."""
import os
import re
import subprocess
from html.parser import HTMLParser

import pytest

LISTED = '<Directory "{root}">\n    Options Indexes FollowSymLinks\n%s\n</Directory>'


def listing(site, options="IndexOptions FancyIndexing", more=""):
    return site.modules("autoindex").conf(LISTED % f"    {options}\n{more}")


class Page(HTMLParser):
    """Checks that elements nest, and collects links and texts."""
    VOID = {"meta", "link", "img", "hr", "br", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.links, self.texts, self.tags = [], [], {}, []
        self.feed(text)
        self.close()
        assert self.stack == [], self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
            self.texts[self.links[-1]] = ""

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, (tag, self.stack)
        self.stack.pop()

    def handle_data(self, data):
        if "a" in self.stack:
            self.texts[self.links[-1]] += data


def resident_kb(pid):
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))


def test_a_new_file_is_listed_at_once(site):
    listing(site).file("d/one", "").start()
    with site.connect() as conn:
        for number in range(50):
            site.file(f"d/new{number}", "x")
            assert f'href="new{number}"' in conn.request("GET", "/d/").body.decode()
            os.unlink(site.root / f"d/new{number}")
            assert f'href="new{number}"' not in conn.request("GET", "/d/").body.decode()


@pytest.mark.parametrize("options", ["Charset=UTF-8", "FancyIndexing", "FancyIndexing HTMLTable", "Modern"])
def test_names_of_any_bytes_are_escaped(site, options):
    names = [b"<script>alert(1)</script>".replace(b"/", b""), b'"onmouseover="x', b"a&amp;b", b"caf\xe9", b"\xff\xfe",
             "sch\u00f6n \u732b".encode(), b"new\nline", b"tab\there", b"per%cent%41", b"que?ry#frag", b"co:lon", b" lead",
             b"\x01\x1f\x7f", b"quote'single", b"..dots", b"a;b=c", b"-rf", b"x" * 255]
    listing(site, f"IndexOptions {options} NameWidth=*").file("d/plain", "")
    for name in names:
        with open(os.fsencode(site.root / "d") + b"/" + name, "wb") as file:
            file.write(name)
    site.start()
    answer = site.get("/d/")
    assert answer.status == 200
    page = Page(answer.body.decode("latin-1"))
    found = 0
    for link in page.links:
        if link.startswith(("?", "/")):
            continue
        got = site.get("/d/" + link.removeprefix("./")) if ":" not in link else site.get("/d/" + link)
        assert got.status == 200, link
        found += got.body in names
    assert found == len(names)
    assert b"<script" not in answer.body and b'"onmouse' not in answer.body.replace(b"&quot;onmouse", b"")


def test_a_hundred_thousand_entries_in_bounded_memory(site):
    count = 100_000
    (site.root / "many").mkdir()
    for number in range(count):
        os.mknod(site.root / f"many/entry-{number:06d}.txt", 0o644)
    listing(site).file("ten.txt", "0123456789").conf("Timeout 120").start()
    site.get("/ten.txt")
    before = max(resident_kb(pid) for pid in site.children)
    with site.connect(timeout_s=60) as conn:
        answer = conn.request("GET", "/many/")
    assert answer.status == 200 and answer.framing == "chunked"
    assert answer.body.count(b"entry-") == 2 * count
    assert answer.body.rstrip().endswith(b"</body></html>")
    grown = max(resident_kb(pid) for pid in site.children) - before
    assert grown < 64 * 1024, f"{grown} KB for a page of {len(answer.body) // 1024} KB"


def test_others_are_served_while_a_long_listing_is_made(site):
    (site.root / "many").mkdir()
    for number in range(30_000):
        os.mknod(site.root / f"many/entry-{number:06d}.txt", 0o644)
    listing(site).file("ten.txt", "0123456789").start()
    with site.connect(timeout_s=60) as slow, site.connect(timeout_s=60) as quick:
        slow.send(b"GET /many/ HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            assert quick.request("GET", "/ten.txt").body == b"0123456789"
        assert slow.response("GET").body.count(b"entry-") == 60_000


def test_a_client_that_leaves_ends_the_listing(site):
    (site.root / "many").mkdir()
    for number in range(20_000):
        os.mknod(site.root / f"many/entry-{number:06d}.txt", 0o644)
    listing(site).file("ten.txt", "0123456789").start()
    for _ in range(10):
        conn = site.raw(b"GET /many/ HTTP/1.1\r\nHost: x\r\n\r\n")
        conn.close()
    assert site.get("/ten.txt").status == 200


def test_an_unreadable_directory_is_refused(site):
    listing(site).file("d/x", "").start()
    (site.root / "d").chmod(0o311)
    if os.geteuid() != 0 or site.get("/d/").status != 200:
        assert site.get("/d/").status == 403
        site.wait_log("AH01275: Can't open directory for index")


def test_forbidden_by_options_is_logged(site):
    site.modules("autoindex").file("d/x", "").start()
    assert site.get("/d/").status == 403
    site.wait_log(r"AH01276: Cannot serve directory .*/d/: No matching DirectoryIndex \(.*\) found, and "
                  "server-generated directory index forbidden by Options directive")


def test_what_a_subdirectory_denies_is_not_listed(site):
    listing(site, more="    AllowOverride All")
    site.file("d/open/x", "").file("d/closed/x", "").file("d/closed/.htaccess", "Require all denied\n")
    site.file("d/gone/x", "").file("d/gone/.htaccess", "Require user nobody\n").start()
    body = site.get("/d/").body.decode()
    assert 'href="open/"' in body and 'href="closed/"' not in body and 'href="gone/"' not in body


def test_a_location_hides_one_name(site):
    listing(site).file("d/a.txt", "").file("d/b.txt", "")
    site.conf('<Location "/d/a.txt">\n    Require all denied\n</Location>').start()
    body = site.get("/d/").body.decode()
    assert "b.txt" in body and "a.txt" not in body


def test_htaccess_changes_the_listing(site):
    listing(site, more="    AllowOverride Indexes").file("d/a.txt", "").start()
    assert "<pre>" in site.get("/d/").body.decode()
    site.file("d/.htaccess", "IndexOptions +HTMLTable\nIndexIgnore *.txt .ht*\n")
    body = site.get("/d/").body.decode()
    assert "<table>" in body and "a.txt" not in body


# --- IndexOptions Modern ---

def modern(site, more=""):
    return listing(site, "IndexOptions Modern", more)


def test_modern_page_is_well_formed_and_needs_nothing_else(site):
    modern(site).file("a b/c/one.txt", "x").file("a b/c/sub/x", "").start()
    answer = site.get("/a%20b/c/")
    assert answer.headers["content-type"] == "text/html;charset=UTF-8"
    text = answer.body.decode()
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and "prefers-color-scheme" in text and 'name="viewport"' in text
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags and "img" not in tags and "link" not in tags
    assert not re.findall(r"(?:src|href)=\"https?://", text)
    assert {"/", "/a%20b/", "/a%20b/c/", "one.txt", "sub/"} <= set(page.links)
    assert page.texts["/a%20b/"] in ("a b", "Parent directory") and page.texts["sub/"] == "sub/"
    assert [a["scope"] for tag, a in page.tags if tag == "th"] == ["col"] * 3
    assert ("html", {"lang": "en"}) in page.tags and "caption" in tags and "1 folder, 1 file" in text


def test_modern_columns_sort_by_links(site):
    modern(site).file("d/big", "x" * 4096).file("d/small", "x").file("d/zoo/x", "").start()
    page = Page(site.get("/d/").body.decode())
    assert {"?C=N;O=D", "?C=M;O=A", "?C=S;O=A"} <= set(page.links)
    assert [a["aria-sort"] for _, a in page.tags if "aria-sort" in a] == ["ascending"]
    order = [link for link in Page(site.get("/d/?C=S;O=A").body.decode()).links if link in ("big", "small", "zoo/")]
    assert order == ["zoo/", "small", "big"]
    order = [link for link in Page(site.get("/d/?C=S;O=D").body.decode()).links if link in ("big", "small", "zoo/")]
    assert order == ["zoo/", "big", "small"]


def test_modern_sizes_dates_and_descriptions(site):
    modern(site, '    AddDescription "what <em>this</em> is" one').file("d/one", "x" * 999).file("d/two", "x" * 1500)
    site.file("d/three", "x" * 1_234_567)
    os.utime(site.root / "d/one", (1_700_000_000, 1_700_000_000))
    site.start()
    text = site.get("/d/").body.decode()
    assert ">999 B<" in text and ">1.5 KB<" in text and ">1.2 MB<" in text
    assert '<time datetime="2023-11-14T22:13:20Z">' in text and "what <em>this</em> is" in text


def test_modern_with_header_and_readme(site):
    modern(site, "    HeaderName /above.html\n    ReadmeName README").file("above.html", "<h1>Above</h1>")
    site.file("d/README.txt", "a < b").file("d/README", "below").conf("AddType text/plain README").start()
    text = site.get("/d/").body.decode()
    Page(text)
    assert text.index("<h1>Above</h1>") < text.index("<table") and text.count("<h1>") == 1
    assert text.rstrip().endswith("</html>")


def test_the_client_may_ask_for_a_classic_form(site):
    modern(site).file("d/x", "").start()
    assert "<pre>" in site.get("/d/?F=1").body.decode() and "<table>" in site.get("/d/?F=2").body.decode()


# --- what is kept from one request to the next is never stale ---

def kept_listing(site, more=""):
    listing(site, more=more)
    for number in range(30):
        site.file(f"d/file-{number:02d}.txt", "x" * number)
    return site


def row(conn, name, path="/d/"):
    lines = conn.request("GET", path).body.decode("latin-1").splitlines()
    return next((line for line in lines if f'href="{name}"' in line), None)


def test_a_changed_size_is_shown_at_once(site):
    kept_listing(site).start()
    with site.connect() as conn:
        for size in (2000, 3000, 100, 40_000) * 5:
            (site.root / "d/file-05.txt").write_bytes(b"y" * size)
            shown = row(conn, "file-05.txt").split()[-1]
            assert shown == {2000: "2.0K", 3000: "2.9K", 100: "100", 40_000: "39K"}[size]


def test_an_append_through_an_open_file_is_shown_at_once(site):
    kept_listing(site).start()
    with site.connect() as conn, open(site.root / "d/file-07.txt", "ab", buffering=0) as file:
        for number in range(1, 20):
            file.write(b"z" * 10)
            assert row(conn, "file-07.txt").split()[-1] == str(7 + 10 * number)


def test_a_changed_time_is_shown_at_once(site):
    kept_listing(site).start()
    with site.connect() as conn:
        for year in range(2000, 2020):
            os.utime(site.root / "d/file-03.txt", ((year - 1970) * 31_556_952 + 86_400,) * 2)
            assert f"{year}-" in row(conn, "file-03.txt")


def test_a_file_that_becomes_something_else(site):
    kept_listing(site).start()
    target = site.root / "d/file-09.txt"
    with site.connect() as conn:
        assert row(conn, "file-09.txt")
        target.unlink()
        assert row(conn, "file-09.txt") is None
        target.mkdir()
        assert row(conn, "file-09.txt/")
        target.rmdir()
        target.symlink_to("nowhere")
        assert row(conn, "file-09.txt") is None and row(conn, "file-09.txt/") is None
        target.unlink()
        target.symlink_to("file-10.txt")
        assert row(conn, "file-09.txt").split()[-1] == "10"
        (site.root / "d/file-10.txt").write_bytes(b"w" * 500)
        assert row(conn, "file-09.txt").split()[-1] == "500"


def test_a_file_with_two_names_is_asked_about(site):
    kept_listing(site).start()
    (site.root / "elsewhere").mkdir()
    os.link(site.root / "d/file-11.txt", site.root / "elsewhere/same.txt")
    with site.connect() as conn:
        for size in range(100, 120):
            (site.root / "elsewhere/same.txt").write_bytes(b"v" * size)
            assert row(conn, "file-11.txt").split()[-1] == str(size)


def test_what_is_kept_depends_on_the_settings(site):
    kept_listing(site, "    AllowOverride All").start()
    with site.connect() as conn:
        assert row(conn, "file-12.txt")
        site.file("d/.htaccess", '<Files "file-12*">\n    Require all denied\n</Files>\n')
        assert row(conn, "file-12.txt") is None
        site.file("d/.htaccess", "IndexIgnore *-13* .ht*\nAddDescription thirteen *-14.txt\n")
        assert row(conn, "file-12.txt") and row(conn, "file-13.txt") is None and "thirteen" in row(conn, "file-14.txt")
        (site.root / "d/.htaccess").unlink()
        assert row(conn, "file-13.txt") and "thirteen" not in row(conn, "file-14.txt")


def test_what_is_kept_depends_on_who_asks(site):
    kept_listing(site, "    AllowOverride All")
    site.file("d/inner/.htaccess", "Require expr %{HTTP:X-Key} == 'open'\n").file("d/inner/x", "").start()
    with site.connect() as conn:
        for _ in range(5):
            assert row(conn, "inner/") is None
            assert 'href="inner/"' in conn.request("GET", "/d/", {"X-Key": "open"}).body.decode()


def test_orders_and_forms_are_told_apart(site):
    kept_listing(site).start()
    with site.connect() as conn:
        for _ in range(3):
            for query, first in (("C=N;O=A", "file-00"), ("C=N;O=D", "file-29"), ("C=S;O=D", "file-29"), ("P=*-1?.txt", "file-10")):
                body = conn.request("GET", "/d/?" + query).body.decode()
                assert re.search(r'href="(file-..)', body).group(1) == first
            assert "<table>" in conn.request("GET", "/d/?F=2").body.decode()
            assert "<ul>" in conn.request("GET", "/d/?F=0").body.decode()


@pytest.mark.skipif(not os.path.exists("/usr/bin/chromium"), reason="chromium is not installed")
def test_a_browser_shows_the_modern_page(site, tmp_path):
    modern(site, '    AddDescription "Notes of the release" *.txt').file("d/one.txt", "x" * 1234).file("d/sub/x", "").start()
    picture = tmp_path / "page.png"
    browser = ["/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync",
               f"--user-data-dir={tmp_path}/profile", "--window-size=800,600", f"--screenshot={picture}"]
    subprocess.run([*browser, f"http://127.0.0.1:{site.port}/d/"], check=True, capture_output=True, timeout=90)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and picture.stat().st_size > 5000
