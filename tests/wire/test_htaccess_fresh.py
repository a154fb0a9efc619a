"""A change of a .htaccess, or of a directory or link on its path, counts for the very next request: about a thousand changes
of each kind, each followed by one request, half of them with inotify and half without. Not one answer may be stale."""
import os
import random

import pytest


CHANGES = int(os.environ.get("FRESH_CHANGES", "500"))    # a test
# With inotify, and where it is not to be had: the file system is asked for each request.
WATCH = pytest.mark.parametrize("watch", ["On", "Off"])


def tree(site, watch):
    """/d/e/a.txt below a directory whose .htaccess files count."""
    site.file("d/e/a.txt", b"a").modules("headers")
    site.conf(f'FileWatch {watch}\n<Directory "{{root}}">\nAllowOverride All\n</Directory>').start()
    return site.root / "d" / "e"


def says(conn, path="/d/e/a.txt"):
    """The status and what the .htaccess had the server say."""
    answer = conn.request("GET", path)
    return answer.status, answer.headers.get("x-says")


def text(value):
    return f'Header set X-Says "{value}"\n'


@WATCH
def test_created_edited_deleted(site, watch):
    here = tree(site, watch) / ".htaccess"
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            if n % 3 == 2:
                here.unlink()
            else:
                here.write_text(text(n))
            stale += says(conn) != (200, None if n % 3 == 2 else str(n))
    assert stale == 0


@WATCH
def test_replaced_by_rename(site, watch):
    here = tree(site, watch)
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            (here / "fresh").write_text(text(n))
            (here / "fresh").rename(here / ".htaccess")
            stale += says(conn) != (200, str(n))
    assert stale == 0


@WATCH
def test_edited_in_place_with_the_same_size_and_time(site, watch):
    here = tree(site, watch) / ".htaccess"
    here.write_text(text("0000"))
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            with here.open("r+") as file:
                file.write(text(f"{n:04}"))
            os.utime(here, (1700000000, 1700000000))
            stale += says(conn) != (200, f"{n:04}")
    assert stale == 0


@WATCH
def test_mode_changed(site, watch):
    if os.geteuid() != 0:
        pytest.skip("the server's user reads its own files whatever their mode")
    here = tree(site, watch) / ".htaccess"
    here.write_text(text("open"))
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            here.chmod(0o000 if n % 2 else 0o644)
            stale += says(conn) != ((403, None) if n % 2 else (200, "open"))
    assert stale == 0


@WATCH
def test_broken_and_mended(site, watch):
    """An answer of 500 ends the connection, so each request has one of its own."""
    here = tree(site, watch) / ".htaccess"
    stale = 0
    for n in range(CHANGES // 2):
        here.write_text("Nonsense\n" if n % 2 else text(n))
        stale += site.get("/d/e/a.txt").status != (500 if n % 2 else 200)
    assert stale == 0


@WATCH
def test_directory_renamed(site, watch):
    tree(site, watch)
    old, new = site.root / "d", site.root / "n"
    (old / "e" / ".htaccess").write_text(text("here"))
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            old.rename(new)
            old, new = new, old
            name = old.name
            stale += says(conn, f"/{name}/e/a.txt") != (200, "here")
            if n % 10 == 0:
                stale += says(conn, f"/{new.name}/e/a.txt")[0] != 404
    assert stale == 0


@WATCH
def test_link_switched(site, watch):
    tree(site, watch)
    for name in "xy":
        site.file(f"{name}/a.txt", b"a").file(f"{name}/.htaccess", text(name))
    link = site.root / "link"
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            (site.root / "fresh").symlink_to("xy"[n % 2])
            (site.root / "fresh").rename(link)
            stale += says(conn, "/link/a.txt") != (200, "xy"[n % 2])
    assert stale == 0


@WATCH
def test_htaccess_is_a_link(site, watch):
    here = tree(site, watch)
    target = site.dir / "elsewhere"
    (here / ".htaccess").symlink_to(target)
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            if n % 5 == 4:
                target.unlink()
            else:
                target.write_text(text(n))
            stale += says(conn) != (200, None if n % 5 == 4 else str(n))
    assert stale == 0


@WATCH
def test_all_kinds_in_any_order(site, watch):
    """Files of three directories on the path, changed at random; what counts is worked out from the disk."""
    tree(site, watch)
    dice = random.Random(7)
    dirs = [site.root, site.root / "d", site.root / "d" / "e"]
    said = [None, None, None]
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES):
            level = dice.randrange(3)
            here = dirs[level] / ".htaccess"
            kind = dice.choice(["write", "replace", "delete", "touch", "away"])
            if kind == "write":
                here.write_text(text(n))
                said[level] = str(n)
            elif kind == "replace":
                (dirs[level] / "fresh").write_text(text(n))
                (dirs[level] / "fresh").rename(here)
                said[level] = str(n)
            elif kind == "delete":
                here.unlink(missing_ok=True)
                said[level] = None
            elif kind == "touch" and here.exists():
                os.utime(here, (n, n))
            elif kind == "away" and here.exists():
                here.rename(dirs[level] / "away")
                said[level] = None
            want = next((value for value in reversed(said) if value is not None), None)
            stale += says(conn) != (200, want)
    assert stale == 0


@pytest.mark.parametrize("watch", ["On", "Off"])
def test_password_file_behind_a_switched_link(site, watch):
    """A password file is found anew when a directory or link on its path changes."""
    import base64
    import hashlib
    site.file("a.txt", b"a").modules("auth_basic", "authn_core", "authn_file", "authz_user")
    for name in "xy":
        (site.run_dir / name).mkdir()
        hashed = base64.b64encode(hashlib.sha1(name.encode()).digest()).decode()
        (site.run_dir / name / "users").write_text("alice:{SHA}" + hashed + "\n")
    (site.run_dir / "now").symlink_to("x")
    site.conf(f"FileWatch {watch}\n<Location />\nAuthType Basic\nAuthName Members\nAuthUserFile {{run}}/now/users\n"
              "Require valid-user\n</Location>").start()
    stale = 0
    with site.connect() as conn:
        for n in range(CHANGES // 2):
            name = "xy"[n % 2]
            (site.run_dir / "fresh").symlink_to(name)
            (site.run_dir / "fresh").rename(site.run_dir / "now")
            token = base64.b64encode(f"alice:{name}".encode()).decode()
            stale += conn.request("GET", "/a.txt", {"Authorization": "Basic " + token}).status != 200
    assert stale == 0
