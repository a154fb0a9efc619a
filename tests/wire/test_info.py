"""mod_info: what the page tells of the configuration that runs."""
import re
import signal

import pytest

PLACE = '<Location /server-info>\nSetHandler server-info\n</Location>'


@pytest.fixture
def info(site):
    return site.modules("info", "headers").conf(PLACE)


def text(site, query=""):
    page = site.get("/server-info" + query).body.decode()
    return re.sub(r"<style.*?</style>", "", page, flags=re.S)


def plain(html):
    return re.sub(r"<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')


def test_whole_page_has_everything_but_the_files(info):
    info.start()
    page = text(info)
    for part in ["modules", "server", "startup_hooks", "request_hooks", "providers", "mod_headers.c", "core.c"]:
        assert f'id="{part}"' in page
    assert 'id="config"' not in page
    assert '<a href="#mod_headers.c">' in page


def test_server_settings(info):
    info.conf("Timeout 41\nKeepAliveTimeout 7").start()
    page = plain(text(info, "?server"))
    assert "connection: 41 keep-alive: 7" in page
    assert f"{info.run_dir}" in page and f"localhost:{info.port}" in page or "localhost:80" in page
    assert "MPM Nameevent" in page


def test_list_names_the_active_modules(info):
    info.start()
    page = text(info, "?list")
    assert '<a href="?mod_headers.c">mod_headers.c</a>' in page and "mod_rewrite.c" not in page


def test_configuration_as_it_was_read(info):
    (info.run_dir / "more.conf").write_text('<Files "a&b">\nHeader set X-More "<i>"\n</Files>\n')
    info.conf('Define WORD headers\n<IfModule mod_headers.c>\nHeader set X-Word "${WORD}"\n</IfModule>\n'
              '<IfModule !mod_headers.c>\nHeader set X-Never 1\n</IfModule>\nInclude "{run}/more.conf"').start()
    html = text(info, "?config")
    page = plain(html)
    assert "In file: " + str(info.server.conf) in page and "In file: " + str(info.run_dir / "more.conf") in page
    assert 'Header set X-Word "headers"' in page and "X-Never" not in page
    assert re.search(r'1<Files "a&amp;b">\n2    Header set X-More "<i>"\n</Files>\n', page)
    assert "<i>\"" not in html and "&lt;i&gt;" in html


def test_a_module_with_its_lines(info):
    info.conf('Header set X-Top 1\n<Directory "{root}">\nHeader set X-In 2\nOptions None\n</Directory>').start()
    page = plain(text(info, "?mod_headers.c"))
    assert "Header set X-Top 1" in page and "Header set X-In 2" in page and f'<Directory "{info.root}">' in page
    assert "Options None" not in page and "ServerRoot" not in page
    assert "per directory" in page and "RequestHeader" in page
    assert "mod_dir.c" not in page


@pytest.mark.parametrize("query", ["?hooks", "?providers"])
def test_hooks_and_providers(info, query):
    info.start()
    page = plain(text(info, query))
    if query == "?hooks":
        assert "translate_name" in page and "post_config" in page and "mod_alias.c" in page
    else:
        assert "authz" in page and "output filters" in page


def test_module_info_of_the_administrator(info):
    info.conf('AddModuleInfo mod_headers.c "see <a href=\\"/doc\\">the notes</a>"').start()
    assert 'see <a href="/doc">the notes</a>' in text(info, "?mod_headers.c")
    assert "the notes" not in text(info, "?mod_dir.c").replace("AddModuleInfo", "")


def test_what_is_not_known_shows_nothing(info):
    info.start()
    assert "<section" not in text(info, "?mod_nothing.c")
    assert "<section" not in text(info, "?<script>")


def test_reload_shows_the_new_configuration(info):
    info.start()
    info.conf("Header set X-Later 1").write_conf()
    info.signal(signal.SIGUSR1)
    info.wait(lambda: "X-Later" in text(info, "?config"), "the new line")


def test_policy_allows_no_script(info):
    info.start()
    r = info.get("/server-info")
    assert "script-src" not in r.headers["content-security-policy"]
    nonce = re.search(r"style-src 'nonce-([0-9a-f]{32})'", r.headers["content-security-policy"]).group(1)
    assert f'<style nonce="{nonce}">' in r.body.decode() and "<script" not in r.body.decode()
