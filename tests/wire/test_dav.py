"""WebDAV: what a client does from the first PUT to the last UNLOCK, programs that test or speak it, and what must not happen."""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree as ET

import pytest

D = "{DAV:}"
LOCKINFO = (b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:%s/></D:lockscope>'
            b"<D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>")
CONF = """
DavLockDB {run}/locks
<Directory "{root}/dav">
    Dav On
</Directory>
"""


@pytest.fixture
def dav(site):
    """A site with a repository at /dav/; start it."""
    (site.root / "dav").mkdir()
    for path in (site.root / "dav", site.run_dir):
        if os.geteuid() == 0:
            shutil.chown(path, "www-data", "www-data")
    return site.modules("dav", "dav_fs").conf(CONF)


def ask(site, method, path, body=b"", **headers):
    return site.get(path, {name.replace("_", "-"): value for name, value in headers.items()}, method, body)


def put(site, path, body=b"content", **headers):
    return ask(site, "PUT", path, body, **headers)


def lock(site, path, scope=b"exclusive", **headers):
    answer = ask(site, "LOCK", path, LOCKINFO % scope, **headers)
    assert answer.status in (200, 201), answer.body
    return answer.headers["lock-token"]


def responses(answer):
    """href -> element, of a multistatus answer."""
    assert answer.status == 207, answer.body
    return {r.findtext(D + "href"): r for r in ET.fromstring(answer.body).findall(D + "response")}


def found(response):
    """Names of the properties that a response has, to their elements."""
    good = [s for s in response.findall(D + "propstat") if "200" in s.findtext(D + "status")]
    return {prop.tag: prop for s in good for prop in s.find(D + "prop")}


def propset(name, value, instruction="set"):
    return (f'<D:propertyupdate xmlns:D="DAV:"><D:{instruction}><D:prop><{name} xmlns="urn:x">{value}</{name}></D:prop>'
            f"</D:{instruction}></D:propertyupdate>").encode()


def strays(site):
    """Files that nobody should have left behind."""
    return [p for p in site.root.rglob(".davfs.tmp*")]


# --- programs that are not ours ---

@pytest.mark.timeout(120)
@pytest.mark.parametrize("suite", ["basic", "copymove", "props", "locks", "http"])
def test_litmus_passes(dav, suite, tmp_path):
    if shutil.which("litmus") is None:
        pytest.skip("litmus is not installed")
    dav.start()
    run = subprocess.run(["litmus", "-k", f"http://127.0.0.1:{dav.port}/dav/"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=100, env={**os.environ, "TESTS": suite})
    assert re.search(r"summary for `%s': of (\d+) tests run: \1 passed, 0 failed" % suite, run.stdout), run.stdout
    assert "WARNING" not in run.stdout, run.stdout
    assert strays(dav) == []


def test_cadaver_session(dav, tmp_path):
    if shutil.which("cadaver") is None:
        pytest.skip("cadaver is not installed")
    dav.start()
    (tmp_path / "up.txt").write_text("from cadaver")
    script = "\n".join(["mkcol box", "cd box", "put up.txt", "copy up.txt two.txt", "move two.txt three.txt", "lock up.txt",
                        "unlock up.txt", "propset up.txt colour green", "propget up.txt colour", "ls", "get three.txt down.txt",
                        "delete up.txt", "quit", ""])
    run = subprocess.run(["cadaver", f"http://127.0.0.1:{dav.port}/dav/"], input=script, cwd=tmp_path, capture_output=True,
                         text=True, timeout=30, env={**os.environ, "HOME": str(tmp_path)})
    assert "failed" not in run.stdout, run.stdout
    assert (tmp_path / "down.txt").read_text() == "from cadaver"
    assert "green" in run.stdout
    assert [p.name for p in (dav.root / "dav/box").iterdir() if not p.name.startswith(".")] == ["three.txt"]


# --- files and collections ---

def test_a_file_is_made_and_replaced(dav):
    dav.start()
    made = put(dav, "/dav/a%20b.txt", b"one")
    assert (made.status, made.headers["location"]) == (201, "http://localhost/dav/a%20b.txt")
    assert dav.get("/dav/a%20b.txt").body == b"one"
    assert put(dav, "/dav/a%20b.txt", b"second").status == 204
    assert dav.get("/dav/a%20b.txt").body == b"second"
    assert strays(dav) == []


def test_a_replaced_file_keeps_its_mode(dav):
    dav.file("dav/run.sh", b"x", 0o750).start()
    if os.geteuid() == 0:
        shutil.chown(dav.root / "dav/run.sh", "www-data")
    assert put(dav, "/dav/run.sh", b"yy").status == 204
    assert (dav.root / "dav/run.sh").stat().st_mode & 0o777 == 0o750


def test_a_put_that_breaks_off_changes_nothing(dav):
    dav.start()
    put(dav, "/dav/f.txt", b"old")
    with dav.connect() as conn:
        conn.send(b"PUT /dav/f.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"n" * 400000)
        dav.wait(lambda: strays(dav), "the file that is being written")
    dav.wait(lambda: not strays(dav), "its end")
    assert dav.get("/dav/f.txt").body == b"old"


def test_a_large_chunked_put(dav):
    dav.start()
    block = bytes(range(256)) * 256
    with dav.connect() as conn:
        conn.send(b"PUT /dav/big.bin HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(32):
            conn.send(b"%x\r\n%s\r\n" % (len(block), block))
        conn.send(b"0\r\n\r\n")
        assert conn.response("PUT").status == 201
    assert (dav.root / "dav/big.bin").read_bytes() == block * 32


def test_a_body_over_the_limit_is_refused_and_leaves_nothing(dav):
    dav.conf('<Location /dav>\nLimitRequestBody 1000\n</Location>').start()
    assert put(dav, "/dav/f.txt", b"x" * 2000).status == 413
    assert dav.get("/dav/f.txt").status == 404
    assert strays(dav) == []


@pytest.mark.parametrize("value, status, content", [
    ("bytes 2-4/10", 204, b"01abc56789"),
    ("bytes 10-12/*", 204, b"0123456789abc"),
    ("bytes 11-13/*", 400, b"0123456789"),
    ("bytes 2-5/10", 400, b"0123456789"),
    ("bytes 4-2/10", 400, b"0123456789"),
    ("bytes */10", 400, b"0123456789"),
    ("pages 1-3/4", 400, b"0123456789"),
])
@pytest.mark.spec("RFC9110-14.5")
def test_parts_of_files(dav, value, status, content):
    dav.start()
    put(dav, "/dav/ten.txt", b"0123456789")
    assert put(dav, "/dav/ten.txt", b"abc", Content_Range=value).status == status
    assert dav.get("/dav/ten.txt").body == content
    assert strays(dav) == []


def test_a_part_of_nothing_is_refused(dav):
    dav.start()
    assert put(dav, "/dav/new.txt", b"abc", Content_Range="bytes 0-2/3").status == 400
    assert dav.get("/dav/new.txt").status == 404


def test_conditions_on_put(dav):
    dav.start()
    assert put(dav, "/dav/f.txt", If_Match="*").status == 412
    assert put(dav, "/dav/f.txt", b"1", If_None_Match="*").status == 201
    assert put(dav, "/dav/f.txt", b"2", If_None_Match="*").status == 412
    assert put(dav, "/dav/f.txt", b"2", If_Match='"other"').status == 412
    os.utime(dav.root / "dav/f.txt", (1e9, 1e9))
    tag = dav.get("/dav/f.txt").headers["etag"]
    assert put(dav, "/dav/f.txt", b"2", If_Match=tag).status == 204


def test_a_tree_is_copied_moved_and_deleted_with_its_properties(dav):
    dav.start()
    ask(dav, "MKCOL", "/dav/a/")
    ask(dav, "MKCOL", "/dav/a/b/")
    put(dav, "/dav/a/b/f.txt", b"deep")
    for path in ("/dav/a/b/f.txt", "/dav/a/"):
        assert ask(dav, "PROPPATCH", path, propset("colour", "green")).status == 207
    base = f"http://localhost:{dav.port}/dav"
    assert ask(dav, "COPY", "/dav/a/", Destination=base + "/c/").status == 201
    assert ask(dav, "MOVE", "/dav/c/", Destination=base + "/d/").status == 201
    assert dav.get("/dav/d/b/f.txt").body == b"deep"
    for path in ("/dav/d/b/f.txt", "/dav/d/"):
        only = list(responses(ask(dav, "PROPFIND", path, Depth="0")).values())[0]
        assert found(only)["{urn:x}colour"].text == "green"
    assert dav.get("/dav/c/b/f.txt").status == 404
    assert ask(dav, "DELETE", "/dav/d/").status == 204
    assert ask(dav, "DELETE", "/dav/a/").status == 204
    assert [p.name for p in (dav.root / "dav").iterdir() if p.name != ".DAV"] == []


def test_depth_zero_copies_no_members(dav):
    dav.start()
    ask(dav, "MKCOL", "/dav/a/")
    put(dav, "/dav/a/f.txt")
    assert ask(dav, "COPY", "/dav/a/", Destination="/dav/b/", Depth="0").status == 201
    assert dav.get("/dav/b/f.txt").status == 404


def test_links_are_not_followed_out(dav, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    dav.start()
    ask(dav, "MKCOL", "/dav/a/")
    (dav.root / "dav/a/out").symlink_to(tmp_path)
    assert ask(dav, "COPY", "/dav/a/", Destination="/dav/b/").status == 201
    assert not (dav.root / "dav/b/out").exists()
    assert ask(dav, "DELETE", "/dav/a/").status == 204
    assert (tmp_path / "secret.txt").exists()


def test_where_dav_is_off_nothing_can_be_written(dav):
    dav.file("plain.txt", b"plain").start()
    put(dav, "/dav/f.txt")
    assert put(dav, "/other.txt").status == 405
    assert ask(dav, "DELETE", "/plain.txt").status == 405
    assert ask(dav, "MOVE", "/dav/f.txt", Destination="/moved.txt").status == 405
    assert ask(dav, "COPY", "/dav/f.txt", Destination="/plain.txt").status == 405
    assert dav.get("/plain.txt").body == b"plain"


def test_a_destination_needs_its_own_permission(dav):
    dav.conf("<Location /dav/closed>\nRequire all denied\n</Location>").start()
    put(dav, "/dav/f.txt")
    assert ask(dav, "COPY", "/dav/f.txt", Destination="/dav/closed/f.txt").status == 403
    assert ask(dav, "MOVE", "/dav/f.txt", Destination="http://elsewhere.example/dav/g.txt").status == 502
    assert dav.get("/dav/f.txt").status == 200


# --- properties ---

def test_members_that_may_not_be_read_are_not_listed(dav):
    dav.conf('<Files "*.key">\nRequire all denied\n</Files>').start()
    put(dav, "/dav/open.txt")
    (dav.root / "dav/private.key").write_text("k")
    ask(dav, "PROPPATCH", "/dav/open.txt", propset("colour", "green"))      # makes .DAV
    assert set(responses(ask(dav, "PROPFIND", "/dav/", Depth="1"))) == {"/dav/", "/dav/open.txt"}


def test_infinite_depth_is_for_who_allows_it(dav):
    dav.conf('<Location /dav/deep>\nDavDepthInfinity On\n</Location>\n<Location /dav/deep/no>\nRequire all denied\n</Location>').start()
    for name in ("deep", "deep/a", "deep/a/b", "deep/no"):
        (dav.root / "dav" / name).mkdir()
    for name in ("deep/a/b/f.txt", "deep/no/g.txt"):
        dav.file("dav/" + name, b"x")
    assert ask(dav, "PROPFIND", "/dav/").status == 403
    assert set(responses(ask(dav, "PROPFIND", "/dav/deep/"))) == {
        "/dav/deep/", "/dav/deep/a/", "/dav/deep/a/b/", "/dav/deep/a/b/f.txt"}


def test_a_long_list_is_complete(dav):
    dav.start()
    for number in range(700):
        (dav.root / f"dav/file-{number:04}.txt").write_text("x")
    listed = responses(ask(dav, "PROPFIND", "/dav/", Depth="1"))
    assert len(listed) == 701
    assert found(listed["/dav/file-0699.txt"])[D + "getcontenttype"].text == "text/plain"


def test_a_patch_is_done_whole_or_not_at_all(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    body = (b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="urn:x">1</a></D:prop></D:set>'
            b"<D:set><D:prop><D:getetag>mine</D:getetag></D:prop></D:set></D:propertyupdate>")
    patched = ask(dav, "PROPPATCH", "/dav/f.txt", body)
    assert patched.status == 207 and b"403 Forbidden" in patched.body and b"424 Failed Dependency" in patched.body
    assert b"urn:x" not in ask(dav, "PROPFIND", "/dav/f.txt", Depth="0").body


def test_a_large_value_is_kept(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    assert b"200 OK" in ask(dav, "PROPPATCH", "/dav/f.txt", propset("colour", "x" * 5000)).body
    only = list(responses(ask(dav, "PROPFIND", "/dav/f.txt", Depth="0")).values())[0]
    assert found(only)["{urn:x}colour"].text == "x" * 5000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file that is not the server's own")
def test_a_patch_that_fails_half_way_is_taken_back(dav):
    dav.file("dav/f.txt", b"of root").start()
    assert b"200 OK" in ask(dav, "PROPPATCH", "/dav/f.txt", propset("colour", "green")).body
    body = (b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><colour xmlns="urn:x">red</colour><new xmlns="urn:x"/>'
            b'<executable xmlns="http://apache.org/dav/props/">T</executable></D:prop></D:set></D:propertyupdate>')
    patched = ask(dav, "PROPPATCH", "/dav/f.txt", body).body
    assert b"403 Forbidden" in patched and b"424 Failed Dependency" in patched and b"200 OK" not in patched
    only = found(list(responses(ask(dav, "PROPFIND", "/dav/f.txt", Depth="0")).values())[0])
    assert only["{urn:x}colour"].text == "green" and "{urn:x}new" not in only


def test_executable_can_be_set(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    body = (b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><e:executable xmlns:e="http://apache.org/dav/props/">T</e:executable>'
            b"</D:prop></D:set></D:propertyupdate>")
    assert b"200 OK" in ask(dav, "PROPPATCH", "/dav/f.txt", body).body
    assert (dav.root / "dav/f.txt").stat().st_mode & 0o100


@pytest.mark.parametrize("body", [
    b"<", b"<a/>", b'<propfind xmlns="DAV:"/>', b"\xff\xfe",
    b'<!DOCTYPE a [<!ENTITY e "eeee">]><propfind xmlns="DAV:"><prop><a>&e;</a></prop></propfind>',
    b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop><a>&e;</a></prop></propfind>',
    b'<D:propfind xmlns:D="DAV:"><D:prop>' + b"<a>" * 100 + b"</a>" * 100 + b"</D:prop></D:propfind>",
])
def test_bad_xml_is_refused(dav, body):
    dav.start()
    assert ask(dav, "PROPFIND", "/dav/", body, Depth="0").status == 400


def test_xml_has_its_limit(dav):
    dav.conf("<Location /dav>\nLimitXMLRequestBody 2000\n</Location>").start()
    body = b'<propfind xmlns="DAV:"><prop>' + b"<a/>" * 1000 + b"</prop></propfind>"
    assert ask(dav, "PROPFIND", "/dav/", body, Depth="0").status == 413
    assert put(dav, "/dav/f.bin", b"x" * 4000).status == 201


def test_what_the_server_keeps_for_itself_is_not_reached(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    ask(dav, "PROPPATCH", "/dav/f.txt", propset("colour", "green"))
    assert (dav.root / "dav/.DAV").is_dir()
    for method in ("GET", "PUT", "DELETE", "PROPFIND"):
        assert ask(dav, method, "/dav/.DAV/f.txt.pag").status == 404
    assert ask(dav, "COPY", "/dav/f.txt", Destination="/dav/.DAV/f.txt.pag").status == 404


# --- locks ---

def test_a_lock_keeps_others_out(dav):
    dav.start()
    put(dav, "/dav/f.txt", b"1")
    token = lock(dav, "/dav/f.txt", Timeout="Second-600")
    for answer in (put(dav, "/dav/f.txt"), ask(dav, "DELETE", "/dav/f.txt"), ask(dav, "MOVE", "/dav/f.txt", Destination="/dav/g"),
                   ask(dav, "PROPPATCH", "/dav/f.txt", propset("a", "b")), ask(dav, "LOCK", "/dav/f.txt", LOCKINFO % b"shared")):
        assert answer.status == 423
    assert ask(dav, "COPY", "/dav/f.txt", Destination="/dav/g").status == 201
    assert put(dav, "/dav/f.txt", b"2", If=f"({token})").status == 204
    assert ask(dav, "UNLOCK", "/dav/f.txt", Lock_Token=token).status == 204
    assert put(dav, "/dav/f.txt", b"3").status == 204


def test_shared_locks_are_shared(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    first, second = lock(dav, "/dav/f.txt", b"shared"), lock(dav, "/dav/f.txt", b"shared")
    assert first != second
    assert ask(dav, "LOCK", "/dav/f.txt", LOCKINFO % b"exclusive").status == 423
    assert put(dav, "/dav/f.txt").status == 423
    assert put(dav, "/dav/f.txt", If=f"({second})").status == 204


def test_a_locked_tree(dav):
    dav.start()
    ask(dav, "MKCOL", "/dav/a/")
    token = lock(dav, "/dav/a/")
    assert put(dav, "/dav/a/f.txt").status == 423
    assert ask(dav, "MKCOL", "/dav/a/b/").status == 423
    assert put(dav, "/dav/a/f.txt", If=f"<http://localhost:{dav.port}/dav/a/> ({token})").status == 201
    assert ask(dav, "LOCK", "/dav/a/f.txt", LOCKINFO % b"exclusive").status == 423
    assert ask(dav, "DELETE", "/dav/a/", If=f"({token})").status == 204
    assert ask(dav, "MKCOL", "/dav/a/").status == 201       # the lock went with it
    assert put(dav, "/dav/a/f.txt").status == 201


def test_a_locked_member_keeps_its_collection(dav):
    dav.start()
    ask(dav, "MKCOL", "/dav/a/")
    put(dav, "/dav/a/f.txt")
    put(dav, "/dav/a/g.txt")
    lock(dav, "/dav/a/f.txt")
    answer = ask(dav, "DELETE", "/dav/a/")
    assert list(responses(answer)) == ["/dav/a/f.txt"] and b"423 Locked" in answer.body
    assert dav.get("/dav/a/g.txt").status == 200
    assert ask(dav, "LOCK", "/dav/a/", LOCKINFO % b"exclusive").status == 207


def test_a_locked_name(dav):
    dav.start()
    token = lock(dav, "/dav/new.txt")
    assert dav.get("/dav/new.txt").status == 404
    assert "/dav/new.txt" in responses(ask(dav, "PROPFIND", "/dav/", Depth="1"))
    assert put(dav, "/dav/new.txt").status == 423
    assert put(dav, "/dav/new.txt", If=f"({token})").status == 201
    assert ask(dav, "UNLOCK", "/dav/new.txt", Lock_Token=token).status == 204


def test_a_lock_ends_with_its_time(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    lock(dav, "/dav/f.txt", Timeout="Second-1")
    dav.wait(lambda: put(dav, "/dav/f.txt").status == 204, "the lock's end")


def test_a_lock_is_refreshed_and_has_its_least_time(dav):
    dav.conf("<Location /dav>\nDavMinTimeout 300\n</Location>").start()
    put(dav, "/dav/f.txt")
    token = lock(dav, "/dav/f.txt", Timeout="Second-1")
    refreshed = ask(dav, "LOCK", "/dav/f.txt", If=f"({token})", Timeout="Second-5000")
    assert refreshed.status == 200 and int(re.search(rb"Second-(\d+)", refreshed.body).group(1)) > 4000
    listed = ask(dav, "LOCK", "/dav/f.txt", If=f"({token})", Timeout="Second-1").body
    assert int(re.search(rb"Second-(\d+)", listed).group(1)) > 200


def test_locks_outlive_a_restart_and_are_seen_by_all_children(dav):
    dav.conf("StartServers 2").start()
    put(dav, "/dav/f.txt")
    token = lock(dav, "/dav/f.txt")
    dav.stop()
    dav.server.start()
    for _ in range(8):
        assert put(dav, "/dav/f.txt").status == 423
    assert put(dav, "/dav/f.txt", If=f"({token})").status == 204


def test_one_of_many_gets_the_lock(dav):
    dav.start()
    put(dav, "/dav/f.txt")
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(dav, "LOCK", "/dav/f.txt", LOCKINFO % b"exclusive").status))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [423] * 7


def test_discovery_can_be_switched_off(dav):
    dav.conf("DavLockDiscovery Off").start()
    put(dav, "/dav/f.txt")
    lock(dav, "/dav/f.txt")
    assert b"activelock" not in ask(dav, "PROPFIND", "/dav/f.txt", Depth="0").body


def test_a_token_counts_only_from_its_user(dav):
    (dav.run_dir / "users").write_text("".join(
        name + ":{SHA}" + base64.b64encode(hashlib.sha1(b"x").digest()).decode() + "\n" for name in ("alice", "bob")))
    dav.modules("authn_core", "authn_file", "auth_basic", "authz_user")
    dav.conf('<Location /dav>\nAuthType Basic\nAuthName d\nAuthUserFile {run}/users\nRequire valid-user\n</Location>').start()
    alice, bob = ({"Authorization": "Basic " + base64.b64encode(name + b":x").decode()} for name in (b"alice", b"bob"))
    assert put(dav, "/dav/f.txt").status == 401
    assert put(dav, "/dav/f.txt", **alice).status == 201
    token = lock(dav, "/dav/f.txt", **alice)
    assert put(dav, "/dav/f.txt", If=f"({token})", **bob).status == 403
    assert ask(dav, "UNLOCK", "/dav/f.txt", Lock_Token=token, **bob).status == 403
    assert put(dav, "/dav/f.txt", If=f"({token})", **alice).status == 204


@pytest.mark.parametrize("value", ["(", "()", "<x>", "(<a>) <b> (<c>)", "([\"a])", "(Not)", "(<a>" + "<b>" * 300 + ")", "x"])
def test_a_bad_if_field_is_refused(dav, value):
    dav.start()
    assert put(dav, "/dav/f.txt", If=value).status == 400
    assert dav.get("/dav/f.txt").status == 404


def test_without_a_database_there_are_no_locks(site):
    (site.root / "dav").mkdir()
    site.modules("dav", "dav_fs").conf('<Directory "{root}/dav">\nDav On\n</Directory>').start()
    assert ask(site, "LOCK", "/dav/f.txt", LOCKINFO % b"exclusive").status == 405
    assert ask(site, "OPTIONS", "/dav/").headers["dav"] == "1, <http://apache.org/dav/propset/fs/1>"


def test_the_generic_database_serves_where_there_is_no_other(dav):
    dav.lines = [line.replace("DavLockDB", "DavGenericLockDB") for line in dav.lines]
    dav.modules("dav_lock").start()
    put(dav, "/dav/f.txt")
    lock(dav, "/dav/f.txt")
    assert put(dav, "/dav/f.txt").status == 423


def test_a_database_that_cannot_be_written_lets_nobody_in(dav):
    dav.lines = [line.replace("{run}/locks", "{run}/missing/locks") for line in dav.lines]
    dav.start()
    assert ask(dav, "LOCK", "/dav/f.txt", LOCKINFO % b"exclusive").status == 500
    dav.wait_log("PN21461")


# --- the configuration ---

def test_dav_needs_a_provider(site):
    site.modules("dav").conf('<Directory "{root}">\nDav On\n</Directory>').write_conf()
    result = site.run("-t")
    assert result.returncode != 0 and "filesystem" in result.stderr


def test_base_path_says_that_it_has_no_effect(dav):
    dav.conf("<Location /dav>\nDavBasePath /dav\n</Location>").write_conf()
    result = dav.run("-t")
    assert result.returncode == 0 and "DavBasePath" in result.stderr
