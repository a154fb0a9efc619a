"""A file that changed between two requests is never served stale, whatever the caches hold."""
import os
import shutil

import pytest

from lib import http1

pytestmark = [pytest.mark.every_protocol, pytest.mark.spec("RFC9111-4")]


def body(conn, path):
    answer = conn.request("GET", path)
    assert answer.status == 200, (path, answer.status)
    return answer.body


def status(conn, path):
    return conn.request("GET", path).status


def test_rewritten_in_place(site):
    site.file("a.txt", b"one").start()
    with site.connect() as conn:
        for n in range(200):
            content = b"%d" % n * (1 + n % 7)
            (site.root / "a.txt").write_bytes(content)
            assert body(conn, "/a.txt") == content


def test_same_length_same_mtime(site):
    """Content, not only size and time, decides."""
    site.file("a.txt", b"aaaa").start()
    times = (1700000000, 1700000000)
    with site.connect() as conn:
        for n in range(100):
            content = b"%04d" % n
            (site.root / "a.txt").write_bytes(content)
            os.utime(site.root / "a.txt", times)
            assert body(conn, "/a.txt") == content


def test_replaced_by_rename(site):
    site.file("a.txt", b"old").start()
    with site.connect() as conn:
        for n in range(200):
            fresh = site.root / "fresh"
            fresh.write_bytes(b"new %d" % n)
            fresh.rename(site.root / "a.txt")
            assert body(conn, "/a.txt") == b"new %d" % n


def test_truncated_and_grown(site):
    site.file("a.bin", b"x" * 100000).start()
    with site.connect() as conn:
        assert len(body(conn, "/a.bin")) == 100000
        for size in (0, 1, 5000, 1, 200000, 99999):
            os.truncate(site.root / "a.bin", size)
            assert len(body(conn, "/a.bin")) == size


def test_appended(site):
    site.file("log.txt", b"").start()
    expected = b""
    with site.connect() as conn, open(site.root / "log.txt", "ab", buffering=0) as log:
        for n in range(200):
            log.write(b"line %d\n" % n)
            expected += b"line %d\n" % n
            assert body(conn, "/log.txt") == expected


def test_deleted_and_made_again(site):
    site.file("a.txt", b"here").start()
    with site.connect() as conn:
        for _ in range(100):
            assert body(conn, "/a.txt") == b"here"
            (site.root / "a.txt").unlink()
            assert status(conn, "/a.txt") == 404
            site.file("a.txt", b"here")


def test_directory_renamed(site):
    site.file("d/e/f.txt", b"deep").start()
    with site.connect() as conn:
        for _ in range(50):
            assert body(conn, "/d/e/f.txt") == b"deep"
            (site.root / "d").rename(site.root / "moved")
            assert status(conn, "/d/e/f.txt") == 404
            assert body(conn, "/moved/e/f.txt") == b"deep"
            (site.root / "moved").rename(site.root / "d")


def test_directory_swapped(site):
    """Two directories change places: the same path, another file."""
    site.file("live/v.txt", b"0").file("next/v.txt", b"1").start()
    with site.connect() as conn:
        for n in range(100):
            assert body(conn, "/live/v.txt") == b"%d" % (n % 2)
            (site.root / "live").rename(site.root / "spare")
            (site.root / "next").rename(site.root / "live")
            (site.root / "spare").rename(site.root / "next")


def test_directory_removed(site):
    site.file("d/a.txt", b"x").start()
    with site.connect() as conn:
        for _ in range(50):
            assert body(conn, "/d/a.txt") == b"x"
            shutil.rmtree(site.root / "d")
            assert status(conn, "/d/a.txt") == 404
            site.file("d/a.txt", b"x")


def test_symlink_switched(site):
    """The way in which releases are put live: a symlink to a directory is replaced."""
    site.file("r0/v.txt", b"0").file("r1/v.txt", b"1")
    (site.root / "current").symlink_to("r0")
    site.start()
    with site.connect() as conn:
        for n in range(100):
            assert body(conn, "/current/v.txt") == b"%d" % (n % 2)
            (site.root / "link").symlink_to(f"r{(n + 1) % 2}")
            (site.root / "link").rename(site.root / "current")


def test_mode_taken_away(site):
    if os.geteuid() != 0:
        pytest.skip("the tests' own user may read what it made")
    site.file("a.txt", b"x").start()
    with site.connect() as conn:
        for _ in range(50):
            assert body(conn, "/a.txt") == b"x"
            (site.root / "a.txt").chmod(0o000)
            assert status(conn, "/a.txt") == 403
            (site.root / "a.txt").chmod(0o644)


def test_directory_mode_taken_away(site):
    if os.geteuid() != 0:
        pytest.skip("the tests' own user may read what it made")
    site.file("d/a.txt", b"x").start()
    with site.connect() as conn:
        for _ in range(50):
            assert body(conn, "/d/a.txt") == b"x"
            (site.root / "d").chmod(0o000)
            assert status(conn, "/d/a.txt") == 403
            (site.root / "d").chmod(0o755)


def test_index_appears_and_goes(site):
    site.file("d/other.txt", b"x").start()
    with site.connect() as conn:
        for n in range(50):
            assert status(conn, "/d/") == 404
            site.file("d/index.html", b"index %d" % n)
            assert body(conn, "/d/") == b"index %d" % n
            (site.root / "d/index.html").unlink()


def test_file_becomes_directory(site):
    site.file("x", b"file").start()
    with site.connect() as conn:
        for _ in range(50):
            assert body(conn, "/x") == b"file"
            (site.root / "x").unlink()
            site.file("x/index.html", b"directory")
            assert status(conn, "/x") == 301
            assert body(conn, "/x/") == b"directory"
            shutil.rmtree(site.root / "x")
            site.file("x", b"file")


def test_validator_changes_with_the_file(site):
    site.file("a.txt", b"one").start()
    with site.connect() as conn:
        tag = conn.request("GET", "/a.txt").headers["etag"]
        assert conn.request("GET", "/a.txt", {"If-None-Match": tag}).status == 304
        site.file("a.txt", b"two!")
        answer = conn.request("GET", "/a.txt", {"If-None-Match": tag})
        assert (answer.status, answer.body) == (200, b"two!")


def test_truncated_while_it_is_sent(site):
    """The promised length cannot be kept: the connection (the stream) must end, never hang or send rubbish."""
    size = 64 * 1024 * 1024
    with open(site.root / "big.bin", "wb") as big:
        big.truncate(size)
    (site.root / "big.bin").chmod(0o644)
    site.file("ok.txt", b"ok").start()
    with site.connect() as conn:
        asked = conn.ask("GET", "/big.bin")
        assert conn.wait_bytes(5)
        os.truncate(site.root / "big.bin", 4096)
        with pytest.raises(http1.ConnectionEnded):
            conn.answer(asked, 10)
    assert site.get("/ok.txt").body == b"ok"
