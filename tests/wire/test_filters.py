"""Filters over the wire: every way of cutting the input gives the same output, and programs of filters leave nothing behind."""
import os
import re

import pytest

from lib import servers
from lib.http1 import ConnectionEnded

REFLECT = """\
<Directory "{root}">
    SetHandler reflector
    ReflectorHeader X-Type Content-Type
</Directory>
"""
PAGE = (b'<html><head><title>caf\xe9 &amp; co</title><script>a("http://in/x") && 1<2</script></head>\n'
        b'<body class=x><!-- c --><a href="http://in/a?b=1&amp;c">x</a><img src="/u"><br>y</body></html>')

# name: (modules, settings, content type, input)
FILTERS = {
    "charset to utf-8": (["charset_lite"], "CharsetSourceEnc ISO-8859-1\nCharsetDefault UTF-8\nCharsetOptions NoImplicitAdd\n"
                         "SetOutputFilter XLATEOUT", "text/plain", bytes(range(1, 256))),
    "charset from utf-8": (["charset_lite"], "CharsetSourceEnc UTF-8\nCharsetDefault UTF-16LE\nCharsetOptions NoImplicitAdd\n"
                           "SetOutputFilter XLATEOUT", "text/plain", "aé€𝄞\U0010ffffz".encode()),
    "charset with shifts": (["charset_lite"], "CharsetSourceEnc UTF-8\nCharsetDefault ISO-2022-JP\nCharsetOptions NoImplicitAdd\n"
                            "SetOutputFilter XLATEOUT", "text/plain", "ab日本cd語".encode()),
    "xml2enc": (["xml2enc"], "SetOutputFilter xml2enc", "text/html",
                b'<html><meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>\xc1\xc2</p></html>'),
    "proxy_html": (["xml2enc", "proxy_html", "env"],
                   "SetEnv PROXY_HTML_FORCE 1\nProxyHTMLEnable On\nProxyHTMLLinks a href\nProxyHTMLLinks img src\n"
                   "ProxyHTMLExtended On\nProxyHTMLURLMap http://in/ /out/\nProxyHTMLURLMap ^/u /v R", "text/html", PAGE),
    "proxy_html alone": (["proxy_html", "env"],
                         "SetEnv PROXY_HTML_FORCE 1\nProxyHTMLEnable On\nProxyHTMLLinks a href\nProxyHTMLURLMap http://in/ /out/",
                         "text/html", PAGE.replace(b"\xe9", b"e")),
    "ext_filter": (["ext_filter"], "ExtFilterDefine up cmd=\"/usr/bin/tr a-z A-Z\"\nSetOutputFilter up", "text/plain",
                   b"some text\nof two lines"),
    "ext_filter input": (["ext_filter"], "ExtFilterDefine up mode=input cmd=\"/usr/bin/tr a-z A-Z\"\nSetInputFilter up",
                         "text/plain", b"some text"),
    "buffer": (["buffer"], "SetOutputFilter BUFFER\nBufferSize 5", "text/plain", b"0123456789abcdef"),
    "substitute": (["substitute"], "SetOutputFilter SUBSTITUTE\nSubstitute s/needle/thread/", "text/plain",
                   b"a needle\nneedleneedle\nneed\nle"),
    "sed": (["sed"], "SetOutputFilter SED\nOutputSed s/needle/thread/g", "text/plain", b"a needle\nneedleneedle\nneed\nle"),
}


def post(conn, pieces, content_type):
    """One request whose body comes in these chunks; its answer."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"
    conn.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nX-Type: " + content_type.encode() +
              b"\r\nContent-Type: " + content_type.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    return conn.response("POST")


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_cut_gives_the_same(site, name):
    modules, settings, content_type, data = FILTERS[name]
    site.modules("reflector", *modules).file("x", "").conf(REFLECT).conf(settings).start()
    with site.connect(timeout_s=30) as conn:
        whole = post(conn, [data], content_type)
        assert whole.status == 200 and whole.body
        assert whole.body != data or name == "buffer"
        by_bytes = post(conn, [data[i:i + 1] for i in range(len(data))], content_type)
        assert by_bytes.body == whole.body
        step = 1 if not name.startswith("ext_filter") else 5      # a program for each
        for cut in range(1, len(data), step):
            assert post(conn, [data[:cut], data[cut:]], content_type).body == whole.body, cut


def test_charset_of_files_that_are_none(site):
    """Bytes that the character set has not: an error while the head can still say so, else a cut."""
    site.modules("charset_lite").file("bad.txt", b"ab\xc3(").file("late.txt", b"a" * 100000 + b"\xc3(")
    site.conf("CharsetSourceEnc UTF-8\nCharsetDefault ISO-8859-1").start()
    assert site.get("/bad.txt").status == 500
    with site.connect() as conn:
        conn.send(b"GET /late.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionEnded):
            conn.response()
    site.wait_log("AH01450")


@pytest.mark.parametrize("line", ["CharsetSourceEnc no-such-set", "CharsetOptions Nothing", "ExtFilterDefine a",
                                  "ExtFilterDefine a cmd=relative", "ExtFilterDefine a cmd=/bin/cat mode=both",
                                  "ProxyHTMLURLMap a", "ProxyHTMLURLMap ( b R", "ProxyHTMLURLMap a b Z",
                                  "ProxyHTMLLinks a", "xml2EncDefault no-such-set", "xml2EncAlias utf-8",
                                  "<Directory />\nKeptBodySize -1\n</Directory>"])
def test_wrong_settings_stop_the_start(site, line):
    site.modules("charset_lite", "ext_filter", "xml2enc", "proxy_html", "request").conf(line).write_conf()
    assert site.run("-t").returncode != 0


# ---- programs ----

def programs(site):
    """What runs below the process that starts programs."""
    return [child for pid in site.children for child in servers.children_of(pid)
            if open(f"/proc/{pid}/comm").read().strip() == "pinion-spawn"]


def filtered(site, command, more=""):
    return site.modules("ext_filter").conf(f'ExtFilterDefine f cmd="{command}"\n<Location /f>\nSetOutputFilter f\n{more}\n</Location>')


def test_program_streams_both_ways(site):
    """More than the pipes hold, and nobody is left."""
    data = os.urandom(1 << 20) * 8
    filtered(site, "/bin/cat").file("f/big.bin", data).start()
    assert site.get("/f/big.bin").body == data
    site.wait(lambda: not programs(site), "the program to be gone")


def test_program_ends_with_the_client(site):
    filtered(site, "/usr/bin/yes").file("f/a.txt", "x").start()
    with site.connect() as conn:
        conn.send(b"GET /f/a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        conn.wait_bytes(5)
        assert programs(site)
        conn.abort()
    site.wait(lambda: not programs(site), "the program to be ended")


def test_program_that_reads_nothing(site):
    """It is fed no more once it has closed its input; what it says is the answer."""
    filtered(site, "/bin/echo done").file("f/a.bin", b"x" * 1_000_000).start()
    for _ in range(5):
        assert site.get("/f/a.bin").body == b"done\n"
    site.wait(lambda: not programs(site), "the programs to be gone")


def test_program_that_dies(site):
    site.file("die.sh", "#!/bin/sh\nkill -KILL $$\n", 0o755)
    filtered(site, f"{site.root}/die.sh").file("f/a.txt", "x").start()
    assert site.get("/f/a.txt").status == 500
    site.wait_log("ended by signal 9")


def test_program_that_says_nothing_is_ended(site):
    filtered(site, "/bin/sleep 300").file("f/a.txt", "x").conf("Timeout 1").start()
    assert site.get("/f/a.txt").status == 500
    site.wait(lambda: not programs(site), "the program to be ended")


def test_complaints_of_a_program_are_logged(site):
    site.file("complain.sh", "#!/bin/sh\necho one >&2; printf two >&2; cat\n", 0o755)
    filtered(site, f"{site.root}/complain.sh", "ExtFilterOptions LogStderr").file("f/a.txt", "x").start()
    assert site.get("/f/a.txt").body == b"x"
    site.wait_log("stderr from f: one")
    site.wait_log("stderr from f: two")


def test_no_program_stays_after_many(site):
    filtered(site, "/bin/cat").file("f/a.txt", "x").start()
    with site.connect() as conn:
        for _ in range(50):
            assert conn.request("GET", "/f/a.txt").body == b"x"
    site.wait(lambda: not programs(site), "the programs to be gone")
    assert not re.search("defunct", site.error_log)


# ---- pages ----

def test_meta_cannot_split_the_answer(site):
    site.modules("proxy_html", "env").file("a.html", '<meta http-equiv="X-A" content="b\r\nX-Evil: 1"><meta http-equiv="Transfer-Encoding"'
                                           ' content="chunked"><meta http-equiv="X-B" content="fine"><p>x</p>')
    site.conf("SetEnv PROXY_HTML_FORCE 1\nProxyHTMLEnable On\nProxyHTMLMeta On\nProxyHTMLLinks a href").start()
    answer = site.get("/a.html")
    assert "x-evil" not in answer.headers and "x-a" not in answer.headers
    assert answer.headers["x-b"] == "fine" and answer.status == 200


def test_page_that_nests_without_end_is_refused(site):
    site.modules("proxy_html", "env").file("a.html", "<b>" * 100_000)
    site.conf("SetEnv PROXY_HTML_FORCE 1\nProxyHTMLEnable On\nProxyHTMLLinks a href").start()
    try:
        assert site.get("/a.html").status == 500
    except ConnectionEnded:
        pass
    site.wait_log("too deep")


# ---- bodies that are kept ----

def test_kept_body_of_a_large_limit(site):
    """Held once, given to each that asks."""
    site.modules("include", "request", "reflector", "cgi")
    site.file("show.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; wc -c\n", 0o755)
    site.file("a.shtml", '<!--#include virtual="/show.cgi"--><!--#include virtual="/show.cgi"-->')
    site.conf("""<Directory "{root}">
    Options +Includes +ExecCGI
    AddHandler cgi-script .cgi
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    KeptBodySize 1000000
</Directory>""").start()
    assert site.get("/a.shtml", method="POST", body=b"x" * 900_000).body.split() == [b"900000", b"900000"]
    assert site.get("/a.shtml", method="POST", body=b"x" * 1_000_001).status == 413


def test_a_long_page_of_many_tags_is_the_same_however_it_is_cut(site):
    """Longer than any buffer on its way, with every link in it to be changed."""
    row = '<tr class="r"><td><a href="http://in/%d?a=1&amp;b=2" onclick="go(\'http://in/x\')">caf\u00e9 %d</a><img src="/u/%d.png"></td></tr>\n'
    page = ("<html><body><table>" + "".join(row % (n, n, n) for n in range(1500)) + "</table></body></html>").encode()
    assert len(page) > 2 << 16
    modules, settings, content_type, _ = FILTERS["proxy_html"]
    site.modules("reflector", *modules).file("x", "").conf(REFLECT).conf(settings).start()
    with site.connect(timeout_s=30) as conn:
        whole = post(conn, [page], content_type + "; charset=utf-8")
        assert whole.status == 200
        assert whole.body.count(b'href="/out/') == 1500 and whole.body.count(b'src="/v/') == 1500
        assert b'"http://in/' not in whole.body
        for step in (997, 8191, 16384, 65535, 65537):
            pieces = [page[at:at + step] for at in range(0, len(page), step)]
            assert post(conn, pieces, content_type + "; charset=utf-8").body == whole.body, step


PRECOMPRESSED = "PrecompressedFiles On\n"


def precompressed(site, *extensions):
    site.modules("precompressed").conf(PRECOMPRESSED).file("page.html", "<p>the page itself</p>")
    for extension in extensions:
        site.file("page.html." + extension, "bytes of " + extension)
    return site.start()


@pytest.mark.parametrize("accept, coding", [
    ("br", "br"), ("gzip", "gzip"), ("x-gzip", "gzip"), ("zstd", "zstd"), ("gzip, zstd, br", "br"), ("gzip, zstd", "zstd"), ("*", None),
    ("gzip;q=1, br;q=0.5", "gzip"), ("br;q=0, zstd;q=0, gzip", "gzip"), ("deflate", None), ("identity", None), ("br;q=0", None),
])
def test_a_compressed_sibling_is_sent_to_who_takes_it(site, accept, coding):
    precompressed(site, "br", "zst", "gz")
    answer = site.get("/page.html", headers={"Accept-Encoding": accept})
    assert answer.status == 200 and answer.headers.get("content-encoding") == coding
    extension = {"br": "br", "zstd": "zst", "gzip": "gz"}.get(coding)
    assert answer.body == (f"bytes of {extension}".encode() if extension else b"<p>the page itself</p>")
    assert answer.headers["content-type"].startswith("text/html")
    assert "accept-encoding" in answer.headers["vary"].lower()


def test_a_compressed_sibling_has_validators_of_its_own(site):
    precompressed(site, "zst")
    with site.connect() as conn:
        packed = conn.request("GET", "/page.html", {"Accept-Encoding": "zstd"})
        plain = conn.request("GET", "/page.html")
        assert packed.headers["etag"] != plain.headers["etag"]
        tag = {"Accept-Encoding": "zstd", "If-None-Match": packed.headers["etag"]}
        assert conn.request("GET", "/page.html", tag).status == 304
        assert conn.request("GET", "/page.html", {"If-None-Match": packed.headers["etag"]}).status == 200
        assert conn.request("HEAD", "/page.html", {"Accept-Encoding": "zstd"}).headers["content-length"] == "12"


def test_a_compressed_sibling_comes_and_goes(site):
    precompressed(site)
    with site.connect() as conn:
        for _ in range(10):
            assert "content-encoding" not in conn.request("GET", "/page.html", {"Accept-Encoding": "br"}).headers
            site.file("page.html.br", "packed")
            assert conn.request("GET", "/page.html", {"Accept-Encoding": "br"}).body == b"packed"
            os.unlink(site.root / "page.html.br")


def test_a_compressed_sibling_that_is_forbidden_is_not_sent(site):
    site.conf('<FilesMatch "[.]br$">\n    Require all denied\n</FilesMatch>')
    precompressed(site, "br", "gz")
    answer = site.get("/page.html", headers={"Accept-Encoding": "br, gzip;q=0.1"})
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
