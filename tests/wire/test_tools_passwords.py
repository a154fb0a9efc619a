"""htpasswd, htdigest, htdbm and httxt2dbm, beside Apache's programs, and what the server makes of their files."""
import base64
import os
import subprocess

import pytest

from lib import tools

KINDS = {"-m": "$apr1$", "-B": "$2y$05$", "-2": "$5$", "-5": "$6$", "-s": "{SHA}", "-d": "", "-A": "$argon2id$"}
APACHES = [kind for kind in KINDS if kind != "-A"]
LONG = "x" * 300


@pytest.fixture
def htpasswd():
    return tools.path_of("htpasswd")


@pytest.fixture
def users(tmp_path):
    return tmp_path / "users"


def names(path):
    return [line.split(":")[0] for line in path.read_text().splitlines()]


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# --- htpasswd: hashes ---

@pytest.mark.parametrize("kind", KINDS)
def test_kind(htpasswd, users, kind):
    assert tools.run(htpasswd, "-cb", kind, users, "alice", "secret").returncode == 0
    assert users.read_text().startswith("alice:" + KINDS[kind])
    assert tools.run(htpasswd, "-vb", users, "alice", "secret").returncode == 0
    wrong = tools.run(htpasswd, "-vb", users, "alice", "secreT")
    assert (wrong.returncode, "failed" in wrong.stderr) == (3, True)


@pytest.mark.parametrize("kind", APACHES)
def test_each_takes_the_others_hash(htpasswd, users, kind):
    theirs = tools.apache_path_of("htpasswd")
    for maker, reader in ((htpasswd, theirs), (theirs, htpasswd)):
        assert tools.run(maker, "-cb", kind, users, "alice", "secret").returncode == 0
        assert tools.run(reader, "-vb", users, "alice", "secret").returncode == 0
        assert tools.run(reader, "-vb", users, "alice", "other").returncode == 3


def test_cost_and_rounds(htpasswd):
    assert tools.run(htpasswd, "-nbBC", 4, "a", "p").stdout.startswith("a:$2y$04$")
    assert tools.run(htpasswd, "-nb5", "-r", 1000, "a", "p").stdout.startswith("a:$6$rounds=1000$")
    ignored = tools.run(htpasswd, "-nbC", 4, "a", "p")
    assert (ignored.returncode, "no effect" in ignored.stderr) == (0, True)


def test_salts_differ(htpasswd):
    for kind in KINDS:
        if kind != "-s":
            assert len({tools.run(htpasswd, "-nb", kind, "a", "p").stdout for _ in range(3)}) > 1, kind


def test_server_takes_what_it_makes(htpasswd, site):
    path = site.run_dir / "users"
    path.touch()
    for number, kind in enumerate(KINDS):
        assert tools.run(htpasswd, "-b", kind, path, f"user{number}", f"secret{number}").returncode == 0
    site.modules("authn_core", "authn_file", "auth_basic", "authz_user").file("ten.txt", b"0123456789").conf(
        '<Location />\nAuthType Basic\nAuthName x\nAuthUserFile "{run}/users"\nRequire valid-user\n</Location>').start()
    for number in range(len(KINDS)):
        assert site.get("/ten.txt", basic(f"user{number}", f"secret{number}")).status == 200
        assert site.get("/ten.txt", basic(f"user{number}", f"secret{number + 1}")).status == 401


# --- htpasswd: where the password comes from ---

def test_asked_for_twice(htpasswd, users):
    assert tools.run(htpasswd, "-c", users, "alice", given="pw\npw\n").returncode == 0
    assert tools.run(htpasswd, "-v", users, "alice", given="pw\n").returncode == 0
    before = users.read_bytes()
    assert tools.run(htpasswd, users, "alice", given="pw\npx\n").returncode == 3
    assert users.read_bytes() == before


@pytest.mark.parametrize("given", ["pw\n", "pw\r\n", "pw", "pw\nmore\n"])
def test_first_line_of_standard_input(htpasswd, users, given):
    assert tools.run(htpasswd, "-ci", users, "alice", given=given).returncode == 0
    assert tools.run(htpasswd, "-vb", users, "alice", "pw").returncode == 0


# --- htpasswd: the file ---

def test_file_is_changed_where_it_must_be(htpasswd, users):
    users.write_text("# staff\n\nalice:x\nbob:y\nalice:again\nlast:no end")
    os.chmod(users, 0o640)
    assert tools.run(htpasswd, "-b", users, "alice", "p").returncode == 0
    assert tools.run(htpasswd, "-b", users, "new", "p").returncode == 0
    assert tools.run(htpasswd, "-D", users, "bob").returncode == 0
    lines = users.read_text().split("\n")
    assert [line.split("$")[0] for line in lines] == ["# staff", "", "alice:", "last:no end", "new:", ""]
    assert users.stat().st_mode & 0o777 == 0o640
    assert os.listdir(users.parent) == ["users"]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_stay(htpasswd, users, link):
    users.write_text("alice:x\n")
    other = users.parent / "other"
    link(users, other)
    assert tools.run(htpasswd, "-b", other, "bob", "p").returncode == 0
    assert names(users) == names(other) == ["alice", "bob"]
    assert os.path.samefile(users, other) and other.is_symlink() == (link is os.symlink)


def test_many_at_a_time(htpasswd, users):
    users.touch()
    crowd = [subprocess.Popen([htpasswd, "-bs", str(users), f"user{n}", "p"], stderr=subprocess.DEVNULL) for n in range(12)]
    assert [one.wait(30) for one in crowd] == [0] * 12
    assert sorted(names(users)) == sorted(f"user{n}" for n in range(12))


CODES = [["-cb", "new", "alice", "p"], ["-b", "users", "alice", "p"], ["-b", "users", "al:ice", "p"],
         ["-b", "nothing", "alice", "p"],
         ["-D", "users", "nobody"], ["-D", "users", "alice"], ["-vb", "users", "nobody", "p"], ["-b", "users", LONG, "p"],
         ["-b", "users", "alice", LONG], ["-b", "other", "alice", "p"], ["-cn", "alice"], ["-cD", "users", "alice"],
         ["-bi", "users", "alice", "p"], ["-n"], [], ["-nb", "alice", "p", "more"], ["-nb", "alice", "p"], ["-nb", "", "p"],
         ["-nb", "alice", ""], ["-nbp", "alice", "p"], ["-cb", "no/folder", "alice", "p"], ["-D", "nothing", "alice"]]


@pytest.mark.parametrize("arguments", CODES, ids=lambda arguments: " ".join(arguments)[:30] or "none")
def test_exit_codes_are_apaches(htpasswd, tmp_path, arguments):
    seen = []
    for program, folder in ((htpasswd, tmp_path / "ours"), (tools.apache_path_of("htpasswd"), tmp_path / "theirs")):
        folder.mkdir()
        (folder / "users").write_text("alice:{SHA}x\n")
        (folder / "other").write_text("what is this?\n")
        seen.append(tools.run(program, *arguments, folder=folder).returncode)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("arguments, code", [(["-nbBC", 3, "a", "p"], 2), (["-nbBC", 18, "a", "p"], 2),
                                             (["-nb5r", 999, "a", "p"], 2),
                                             (["-nb", "a\nb", "p"], 6), (["-nb", "#a", "p"], 6), (["-nbp", "a", "p\nb:q"], 3)])
def test_what_apache_would_write_and_nobody_can_use(htpasswd, arguments, code):
    result = tools.run(htpasswd, *arguments)
    assert (result.returncode, result.stdout) == (code, "")


def test_not_a_file(htpasswd, tmp_path):
    assert tools.run(htpasswd, "-b", tmp_path, "alice", "p").returncode == 1
    os.mkfifo(tmp_path / "pipe")
    assert tools.run(htpasswd, "-cb", tmp_path / "pipe", "alice", "p").returncode == 1


# --- htdigest ---

def test_digest_file_is_apaches(tmp_path):
    results = []
    for program in (tools.path_of("htdigest"), tools.apache_path_of("htdigest")):
        path = tmp_path / "digests"
        assert tools.run(program, "-c", path, "the realm", "alice", given="pw\npw\n").returncode == 0
        assert tools.run(program, path, "other", "alice", given="pw2\npw2\n").returncode == 0
        assert tools.run(program, path, "the realm", "alice", given="pw3\npw3\n").returncode == 0
        assert tools.run(program, path, "the realm", "bob", given="pw\npw\n").returncode == 0
        results.append(path.read_text())
    assert results[0] == results[1]


@pytest.mark.parametrize("arguments, given", [([], ""), (["digests", "realm"], ""), (["nothing", "realm", "alice"], "p\np\n"),
                                              (["-c", "digests", "realm", "alice"], "p\nq\n")])
def test_digest_exit_codes_are_apaches(tmp_path, arguments, given):
    ours = tools.run(tools.path_of("htdigest"), *arguments, given=given, folder=tmp_path)
    theirs = tools.run(tools.apache_path_of("htdigest"), *arguments, given=given, folder=tmp_path)
    assert ours.returncode == theirs.returncode == 1


@pytest.mark.parametrize("realm, user", [("a:b", "alice"), ("a\nb", "alice"), ("realm", "al:ice")])
def test_digest_record_that_could_not_be_read(tmp_path, realm, user):
    result = tools.run(tools.path_of("htdigest"), "-c", tmp_path / "digests", realm, user, given="p\np\n")
    assert result.returncode != 0 and not (tmp_path / "digests").exists()


# --- htdbm ---

@pytest.mark.parametrize("kind", ["SDBM", "DB", "default"])
def test_each_takes_the_others_database(tmp_path, kind):
    ours, theirs = tools.path_of("htdbm"), tools.apache_path_of("htdbm")
    for number, (maker, reader) in enumerate(((ours, theirs), (theirs, ours))):
        path = tmp_path / f"users{number}"
        assert tools.run(maker, f"-T{kind}", "-cbt", path, "alice", "secret", "a comment").returncode == 0
        assert tools.run(maker, f"-T{kind}", "-bB", path, "bob", "builder").returncode == 0
        assert tools.run(reader, f"-T{kind}", "-vb", path, "alice", "secret").returncode == 0
        assert tools.run(reader, f"-T{kind}", "-vb", path, "bob", "wrong").returncode == 3
        result = tools.run(reader, f"-T{kind}", "-l", path)
        listed = result.stdout + result.stderr          # the manual says standard output, 2.4 uses the other
        assert "a comment" in listed and "bob" in listed and "Total #records : 2" in listed


def test_database_of_users(tmp_path):
    program, path = tools.path_of("htdbm"), tmp_path / "users"
    assert tools.run(program, "-b", path, "alice", "p").returncode == 1
    assert not path.exists()
    assert tools.run(program, "-cb", path, "alice", "p").returncode == 0
    assert path.stat().st_mode & 0o777 == 0o644
    assert tools.run(program, "-cb", path, "bob", "p").returncode == 0      # one that is there is kept
    assert tools.run(program, "-x", path, "alice").returncode == 0
    assert tools.run(program, "-x", path, "alice").returncode == 6
    assert tools.run(program, "-vb", path, "alice", "p").returncode == 6
    assert tools.run(program, "-vb", path, "bob", "p").returncode == 0
    assert tools.run(program, "-nbt", "carol", "p", "c c").stdout.endswith(":c c\n")


@pytest.mark.parametrize("arguments", [[], ["-l"], ["-lx", "users"], ["-nbtv", "alice", "p"], ["-b", "users", "alice"],
                                       ["-bi", "users", "alice", "p"], ["-tx", "users", "alice", "c"]])
def test_wrong_arguments_of_htdbm(tmp_path, arguments):
    result = tools.run(tools.path_of("htdbm"), *arguments, folder=tmp_path)
    assert (result.returncode, bool(result.stderr)) == (2, True)


def test_value_that_has_no_room(tmp_path):
    result = tools.run(tools.path_of("htdbm"), "-TSDBM", "-cbt", tmp_path / "users", "alice", "p", "c" * 900)
    assert result.returncode == 5


# --- httxt2dbm ---

MAP = "k v\n# c\n\n  lead x y  \nnoval\nk2\tv2 with more\nk v9\nLast w"


def test_map_is_apaches(tmp_path):
    files = []
    for name, program in (("ours", tools.path_of("httxt2dbm")), ("theirs", tools.apache_path_of("httxt2dbm"))):
        result = tools.run(program, "-v", "-f", "SDBM", "-i", "-", "-o", tmp_path / name, given=MAP)
        assert result.returncode == 0
        files.append([line for line in result.stderr.splitlines() if "->" in line] + [(tmp_path / f"{name}.pag").read_bytes()])
    assert files[0] == files[1]


@pytest.mark.parametrize("arguments", [[], ["-i", "map"], ["-o", "out"], ["-i", "nothing", "-o", "out"],
                                       ["-f", "X", "-i", "map", "-o", "out"],
                                       ["-i", "map", "-o", "no/folder"]])
def test_map_that_cannot_be_made(tmp_path, arguments):
    (tmp_path / "map").write_text("a b\n")
    assert tools.run(tools.path_of("httxt2dbm"), *arguments, folder=tmp_path).returncode == 1


def test_map_for_the_server(site):
    made = tools.run(tools.path_of("httxt2dbm"), "-f", "SDBM", "-i", "-", "-o", site.run_dir / "map", given="/a /ten.txt\n")
    assert made.returncode == 0
    site.modules("rewrite").file("ten.txt", b"0123456789").conf(
        'RewriteEngine On\nRewriteMap m "dbm=sdbm:{run}/map"\nRewriteRule ^(/a)$ ${m:$1} [PT]').start()
    assert site.get("/a").body == b"0123456789"
