"""suexec refuses whatever its security model forbids, a check at a time, and runs what is left."""
import grp
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lib import servers

PLACE = Path("/tmp/pinion-suexec")            # built into suexec-under-test
DOCROOT = PLACE / "docroot"
LOG = PLACE / "log"
HEADER = servers.REPO / "src" / "cmd" / "suexec.h"
CODES = {name: 101 + n for n, name in enumerate(re.findall(
    r"^    SUEXEC_(\w+)\b", HEADER.read_text().split("enum suexec_code {")[1].split("}")[0], re.M))}
CALLER, TARGET = "www-data", "nobody"
UID, GID = pwd.getpwnam(TARGET).pw_uid, pwd.getpwnam(TARGET).pw_gid
GROUP = grp.getgrgid(GID).gr_name


def program():
    binary = servers.pinion_binary()
    path = binary and binary.parent / "src" / "cmd" / "suexec-under-test"
    return path if path and path.exists() else None


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a setuid program"),
    pytest.mark.skipif(not program(), reason="suexec-under-test is not built"),
    pytest.mark.xdist_group("suexec"),
]


class Place:
    """The wrapper, setuid, and a directory with a script that belongs to the target."""

    def __init__(self):
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir()
        PLACE.chmod(0o755)
        DOCROOT.mkdir()
        self.wrapper = PLACE / "suexec"
        shutil.copy(program(), self.wrapper)
        shutil.chown(self.wrapper, "root", CALLER)
        self.wrapper.chmod(0o4750)
        self.dir = DOCROOT / "site"
        self.dir.mkdir()
        self.script = self.dir / "a.cgi"
        self.script.write_text("#!/bin/sh\nid -u; id -g; id -G; env | sort; echo \"$*\"\n")
        self.script.chmod(0o755)
        for path in (self.dir, self.script):
            shutil.chown(path, UID, GID)

    def call(self, *arguments, caller=CALLER, cwd=None, environment=None):
        account = pwd.getpwnam(caller)
        command = [str(self.wrapper), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd or self.dir, capture_output=True, text=True, timeout=10,
                              user=account.pw_uid, group=account.pw_gid, extra_groups=[grp.getgrnam(CALLER).gr_gid],
                              env=environment if environment is not None else {"PATH": "/bin:/usr/bin"})

    def refused(self, name, *arguments, **how):
        done = self.call(*arguments, **how)
        assert (done.returncode, done.stdout) == (CODES[name], ""), (done.stderr, self.log)
        return done

    @property
    def log(self):
        return LOG.read_text() if LOG.exists() else ""


@pytest.fixture
def place():
    one = Place()
    yield one
    shutil.rmtree(PLACE, ignore_errors=True)


def test_runs_as_the_target(place):
    done = place.call(TARGET, GROUP, "a.cgi", "x", "y z")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == [str(UID), str(GID), str(GID)]
    assert lines[-1] == "x y z"
    assert f"uid: ({TARGET}/{TARGET}) gid: ({GID}/{GROUP}) cmd: a.cgi" in place.log


def test_takes_numbers(place):
    assert place.call(UID, GID, "a.cgi").returncode == 0


def test_environment_is_clean(place):
    given = {"PATH": "/evil", "LD_PRELOAD": "x", "IFS": "x", "BASH_ENV": "x", "PERL5LIB": "x", "QUERY_STRING": "a=b",
             "HTTP_HOST": "h", "SSL_CIPHER": "c", "HTTPX": "no", "REQUEST_METHOD": "GET", "QUERY": "no"}
    done = place.call(TARGET, GROUP, "a.cgi", environment=given)
    names = {line.split("=")[0] for line in done.stdout.splitlines() if "=" in line} - {"PWD", "_", "OLDPWD", "SHLVL"}
    assert names == {"PATH", "QUERY_STRING", "HTTP_HOST", "SSL_CIPHER", "REQUEST_METHOD"}
    assert "PATH=/usr/local/bin:/usr/bin:/bin" in done.stdout


def test_tells_its_limits(place):
    done = place.call("-V")
    assert done.returncode == 0 and str(DOCROOT) in done.stdout and CALLER in done.stdout


def test_limits_are_not_for_everybody(place):
    place.wrapper.chmod(0o4755)
    place.refused("USAGE", "-V", caller="daemon")


def test_too_few_arguments(place):
    place.refused("USAGE", TARGET, GROUP)


def test_wrong_caller(place):
    place.wrapper.chmod(0o4755)
    place.refused("WRONG_CALLER", TARGET, GROUP, "a.cgi", caller="daemon")


def test_caller_without_an_account(place):
    place.wrapper.chmod(0o4755)
    done = subprocess.run([str(place.wrapper), TARGET, GROUP, "a.cgi"], cwd=place.dir, user=54321, group=54321,
                          extra_groups=[], capture_output=True)
    assert done.returncode == CODES["NO_CALLER"]


@pytest.mark.parametrize("name", ["/bin/sh", "../a.cgi", "..", ".", "x/../a.cgi", "x/..", "sub/a.cgi", ""])
def test_program_must_be_a_plain_name(place, name):
    place.refused("BAD_PATH", TARGET, GROUP, name)


def test_no_such_user(place):
    place.refused("NO_USER", "no-such-user", GROUP, "a.cgi")
    place.refused("NO_USER", "54321", GROUP, "a.cgi")


def test_no_such_group(place):
    place.refused("NO_GROUP", TARGET, "no-such-group", "a.cgi")


def test_never_root(place):
    place.refused("ROOT_USER", "root", GROUP, "a.cgi")
    place.refused("ROOT_USER", "0", GROUP, "a.cgi")
    place.refused("ROOT_USER", "~root", GROUP, "a.cgi")


def test_never_a_system_account(place):
    place.refused("LOW_USER", "daemon", GROUP, "a.cgi")


def test_never_the_group_of_root(place):
    place.refused("ROOT_GROUP", TARGET, "root", "a.cgi")
    place.refused("ROOT_GROUP", TARGET, "0", "a.cgi")


def test_never_a_system_group(place):
    place.refused("LOW_GROUP", TARGET, "daemon", "a.cgi")


def test_outside_of_the_document_root(place):
    outside = PLACE / "outside"
    shutil.copytree(place.dir, outside)
    place.refused("OUTSIDE", TARGET, GROUP, "a.cgi", cwd=outside)


def test_a_name_that_begins_like_the_document_root(place):
    outside = PLACE / "docroot2"
    shutil.copytree(place.dir, outside)
    place.refused("OUTSIDE", TARGET, GROUP, "a.cgi", cwd=outside)


def test_a_link_out_of_the_document_root(place):
    outside = PLACE / "outside"
    shutil.copytree(place.dir, outside)
    (DOCROOT / "link").symlink_to(outside)
    place.refused("OUTSIDE", TARGET, GROUP, "a.cgi", cwd=DOCROOT / "link")


def test_user_directory_that_is_not_there(place):
    place.refused("NO_DOCROOT", "~" + TARGET, GROUP, "a.cgi")


def test_no_document_root(place):
    outside = PLACE / "outside"
    place.dir.rename(outside)
    DOCROOT.rmdir()
    place.refused("NO_DOCROOT", TARGET, GROUP, "a.cgi", cwd=outside)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_directory_that_others_may_write_to(place, mode):
    place.dir.chmod(mode)
    place.refused("OPEN_DIRECTORY", TARGET, GROUP, "a.cgi")


def test_no_such_program(place):
    place.refused("NO_PROGRAM", TARGET, GROUP, "b.cgi")


def test_a_link_is_no_program(place):
    (place.dir / "b.cgi").symlink_to("a.cgi")
    place.refused("NO_PROGRAM", TARGET, GROUP, "b.cgi")


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_program_that_others_may_write_to(place, mode):
    place.script.chmod(mode)
    place.refused("OPEN_PROGRAM", TARGET, GROUP, "a.cgi")


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_setuid_program(place, mode):
    place.script.chmod(mode)
    place.refused("SETUID_PROGRAM", TARGET, GROUP, "a.cgi")


@pytest.mark.parametrize("which", ["dir", "script"])
@pytest.mark.parametrize("owner", [(0, GID), (UID, 0)])
def test_somebody_elses(place, which, owner):
    os.chown(getattr(place, which), *owner)
    place.refused("NOT_OWNER", TARGET, GROUP, "a.cgi")


def test_not_executable(place):
    place.script.chmod(0o644)
    place.refused("NOT_EXECUTABLE", TARGET, GROUP, "a.cgi")


def test_not_a_program(place):
    place.script.write_bytes(b"\x7fELF nonsense")
    assert place.call(TARGET, GROUP, "a.cgi").returncode == CODES["EXEC_FAILED"]


def test_not_installed_setuid(place):
    place.wrapper.chmod(0o755)
    assert place.call(TARGET, GROUP, "a.cgi").returncode in (CODES["SET_GROUP"], CODES["NO_LOG"])


def test_log_that_cannot_be_opened(place):
    LOG.mkdir()
    assert place.call(TARGET, GROUP, "a.cgi").returncode == CODES["NO_LOG"]


def test_log_line_cannot_be_forged(place):
    place.refused("NO_PROGRAM", TARGET, GROUP, "b\n[2000-01-01 00:00:00]: uid: (root)")
    assert all(line.startswith("[20") and line[30:40] != " uid: (root)"[:10] for line in place.log.splitlines())


def test_every_refusal_is_logged(place):
    before = len(place.log.splitlines())
    place.refused("NO_USER", "no-such-user", GROUP, "a.cgi")
    assert len(place.log.splitlines()) == before + 1


# ---- through the server: a program whose suexec_bin is PLACE/suexec ----

served = pytest.mark.skipif(os.environ.get("PINION_SUEXEC") != str(PLACE / "suexec"),
                            reason="needs a build with -Dsuexec_bin, and PINION_SUEXEC naming it")
SERVER = f"""\
SuexecUserGroup {TARGET} {GROUP}
Alias /site {DOCROOT}/site
<Directory {DOCROOT}>
    Require all granted
    Options ExecCGI
    SetHandler cgi-script
</Directory>
"""


@served
def test_served(place, site):
    place.script.write_text("#!/bin/sh\necho\nid -u\necho \"$QUERY_STRING\"\n")
    site.modules("cgi", "suexec").conf(SERVER).start()
    assert site.get("/site/a.cgi?x").body == f"{UID}\nx\n".encode()
    place.script.chmod(0o777)
    assert site.get("/site/a.cgi?x").status == 500
    site.wait_log("AH01215.*suexec policy violation")


@served
def test_start_fails_without_the_wrapper(place, site):
    place.wrapper.chmod(0o755)
    site.modules("cgi", "suexec").conf(SERVER).write_conf()
    done = site.run("-t")
    assert done.returncode != 0 and "suEXEC is disabled" in done.stderr


@served
def test_switched_off_it_must_not_be_asked_for(place, site):
    site.modules("cgi", "suexec").conf("Suexec Off\n" + SERVER).write_conf()
    done = site.run("-t")
    assert done.returncode == 1 and "SuexecUserGroup is set, but Suexec is Off" in done.stderr


@served
def test_switched_on_the_wrapper_must_be_usable(place, site):
    place.wrapper.chmod(0o755)
    site.modules("cgi", "suexec").conf("Suexec On").write_conf()
    done = site.run("-t")
    assert done.returncode == 1 and "Suexec is On, but" in done.stderr
