"""Rewriting: maps that live outside of the server, and patterns that explode."""
import os
import stat

import pytest

PROGRAM = """#!/usr/bin/python3
import os, sys, time
for line in sys.stdin:
    key = line.rstrip("\\n")
    if key == "die":
        os._exit(3)
    if key == "slow":
        time.sleep(1)
    sys.stdout.write("/pages/" + key + ".txt\\n" if key != "none" else "NULL\\n")
    sys.stdout.flush()
"""


def mapped(site, map_line, rule="RewriteRule ^/m/(.*)$ ${m:$1|/pages/default.txt} [L]"):
    site.modules("rewrite").conf(f"RewriteEngine On\nRewriteMap m {map_line}\n{rule}")
    for name in ("one", "two", "default", "slow"):
        site.file(f"pages/{name}.txt", name)
    return site.file("ten.txt", "0123456789")


def program(site):
    path = site.run_dir / "map.py"
    path.write_text(PROGRAM)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return mapped(site, f"prg:{path}")


def test_a_program_answers_and_is_started_again_when_it_dies(site):
    program(site).start()
    assert site.get("/m/one").body == b"one" and site.get("/m/none").body == b"default"
    for _ in range(2):
        site.get("/m/die")
        site.wait(lambda: site.get("/m/two").body == b"two", "the program's next life")


def test_a_slow_program_keeps_nobody_else_waiting(site):
    program(site).start()
    with site.connect(timeout_s=20) as slow, site.connect() as quick:
        slow.send(b"GET /m/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            assert quick.request("GET", "/ten.txt").body == b"0123456789"
        assert slow.response("GET").body == b"slow"


def test_a_changed_text_map_counts_at_once(site):
    path = site.run_dir / "map.txt"
    path.write_text("key /pages/one.txt\n")
    mapped(site, f"txt:{path}").start()
    with site.connect() as conn:
        for number in range(10):
            name = ("one", "two")[number % 2]
            fresh = path.with_suffix(".new")
            fresh.write_text(f"key /pages/{name}.txt\n# {number}\n")
            os.replace(fresh, path)
            assert conn.request("GET", "/m/key").body == name.encode()
        assert conn.request("GET", "/m/other").body == b"default"


def test_a_map_of_a_million_keys_is_loaded_off_the_loop_and_anew_when_it_changes(site):
    path, fresh = site.run_dir / "map.txt", site.run_dir / "map.new"
    keys = "".join(f"key{number} /pages/one.txt\n" for number in range(1_000_000))
    path.write_text(keys + "last /pages/two.txt\n")
    fresh.write_text(keys + "last /pages/one.txt\n")
    mapped(site, f"txt:{path}").start()
    for name in (b"two", b"one"):
        with site.connect(timeout_s=30) as slow, site.connect() as quick:
            slow.send(b"GET /m/last HTTP/1.1\r\nHost: x\r\n\r\n")
            assert quick.request("GET", "/ten.txt").body == b"0123456789"
            assert slow.response("GET").body == name
            for key in ("key0", "key500000", "key999999"):
                assert quick.request("GET", f"/m/{key}").body == b"one"
            assert quick.request("GET", "/m/key1000000").body == b"default"
        if name == b"two":
            os.replace(fresh, path)


EXPLODES = "(a|aa)+$"
LONG = "a" * 200 + "!"


@pytest.mark.parametrize("conf, logged", [
    (f"RewriteEngine On\nRewriteRule ^/{EXPLODES} /ten.txt [L]", r"RewriteRule .* at .*httpd\.conf:\d+"),
    (f"RewriteEngine On\nRewriteCond %{{REQUEST_URI}} ^/{EXPLODES}\nRewriteRule ^ - [F]", r"RewriteCond .* at .*httpd\.conf:\d+"),
    (f"RewriteEngine On\nRewriteCond expr \"%{{REQUEST_URI}} =~ m#^/{EXPLODES}#\"\nRewriteRule ^ - [F]", r"RewriteCond .*"),
    (f'<LocationMatch "^/{EXPLODES}">\n    Require all denied\n</LocationMatch>', r"<LocationMatch> at .*httpd\.conf:\d+"),
    (f'<FilesMatch "^{EXPLODES}">\n    Require all denied\n</FilesMatch>', r"<FilesMatch> at .*httpd\.conf:\d+"),
    (f'<DirectoryMatch "/{EXPLODES}">\n    Require all denied\n</DirectoryMatch>', r"<DirectoryMatch> at .*httpd\.conf:\d+"),
    (f"AliasMatch ^/{EXPLODES} /nowhere", r"pattern .* at .*httpd\.conf:\d+"),
    (f"RedirectMatch 403 ^/{EXPLODES}", r"pattern .* at .*httpd\.conf:\d+"),
    (f"<If \"%{{REQUEST_URI}} =~ m#^/{EXPLODES}#\">\n    Require all denied\n</If>", r"<If> at .*httpd\.conf:\d+"),
])
def test_a_pattern_that_explodes_is_a_500_that_names_its_line(site, conf, logged):
    site.modules("rewrite", "alias").conf(conf).file("ten.txt", "0123456789").file("aaa", "matched").start()
    for _ in range(2):
        assert site.get("/" + LONG).status == 500
        assert site.get("/ten.txt").body == b"0123456789"
    site.wait_log(logged)


def test_a_rewriting_htaccess_that_explodes_names_its_line(site):
    site.modules("rewrite").conf('<Directory "{root}/d">\n    AllowOverride All\n</Directory>')
    site.file("d/.htaccess", f"# first line\nRewriteEngine On\nRewriteRule ^{EXPLODES} - [F]\n").file("d/ten.txt", "0123456789").start()
    assert site.get("/d/" + LONG).status == 500
    assert site.get("/d/ten.txt").body == b"0123456789"
    site.wait_log(r"RewriteRule .* at .*\.htaccess:3")
