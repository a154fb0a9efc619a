"""Rewriting: maps that live outside of the server, and patterns that explode."""
import os
import stat

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


def test_a_large_text_map_is_loaded_off_the_loop(site):
    path = site.run_dir / "map.txt"
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"key{number} /pages/one.txt\n" for number in range(200_000))
        file.write("last /pages/two.txt\n")
    mapped(site, f"txt:{path}").start()
    with site.connect(timeout_s=30) as slow, site.connect() as quick:
        slow.send(b"GET /m/last HTTP/1.1\r\nHost: x\r\n\r\n")
        assert quick.request("GET", "/ten.txt").body == b"0123456789"
        assert slow.response("GET").body == b"two"
        assert quick.request("GET", "/m/key199999").body == b"one"


def test_a_pattern_that_explodes_is_a_500_that_names_the_rule(site):
    site.modules("rewrite").conf("RewriteEngine On\nRewriteRule ^/((?:a+)+)+b(?:(?=c)c|d)+$ /ten.txt [L]")
    site.file("ten.txt", "0123456789").start()
    answer = site.get("/" + "a" * 3000 + "!")
    assert answer.status in (404, 403, 500)
    if answer.status == 500:
        site.wait_log(r"\(\(\?:a\+\)\+\)\+b")
    assert site.get("/ten.txt").body == b"0123456789"
