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
