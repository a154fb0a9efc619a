"""pinionctl: apachectl's words, and what it shows of a server that runs."""
import pytest

from lib import servers, tools

STATUS = "<Location /server-status>\nSetHandler server-status\n</Location>"


@pytest.fixture
def ctl(site):
    """Runs pinionctl for this site's server."""
    program = tools.path_of("pinionctl")
    site.file("ten.txt", b"0123456789").write_conf()

    def run(*words, **variables):
        environment = {"PINION_SERVER": str(site.binary), "PINION_ENVVARS": "",
                       "PINION_ARGUMENTS": f"-d {site.run_dir}  -f {site.server.conf}",
                       "PINION_STATUSURL": f"http://127.0.0.1:{site.port}/server-status", **variables}
        return tools.run(program, *words, environment=environment)

    run.site = site
    return run


# --- starting and stopping ---

def test_life_of_a_server(ctl):
    site = ctl.site
    assert ctl("start").returncode == 0
    site.wait(site.server.pid_file.exists, "the pid file")
    master = site.master
    try:
        site.wait(lambda: site.get("/ten.txt").status == 200, "service")
        assert "already running" in ctl("start").stdout
        assert ctl("graceful").returncode == 0
        site.wait_log("AH00493")
        assert ctl("restart").returncode == 0
        site.wait_log("AH00494")
        site.wait(lambda: site.get("/ten.txt").status == 200, "service")
        assert site.master == master
    finally:
        assert ctl("stop").returncode == 0
        site.wait(lambda: not servers.process_alive(master), "the end")
    site.wait(lambda: not site.server.pid_file.exists(), "the pid file to go")
    assert "not running" in ctl("stop").stdout


def test_restart_starts_and_graceful_stop_ends(ctl):
    site = ctl.site
    assert "trying to start" in ctl("restart").stdout
    site.wait(site.server.pid_file.exists, "the pid file")
    master = site.master
    assert ctl("-k", "graceful-stop").returncode == 0
    site.wait(lambda: not servers.process_alive(master), "the end")


@pytest.mark.parametrize("verb", ["restart", "graceful", "upgrade"])
def test_wrong_configuration_is_told_and_starts_nothing(ctl, verb):
    with ctl.site.server.conf.open("a") as conf:
        conf.write("NoSuchDirective On\n")
    result = ctl(verb)
    assert result.returncode == 1
    assert result.stderr.count("Invalid command") == 1 and f"{verb} was not done" in result.stderr
    assert not ctl.site.server.pid_file.exists()
    assert "Invalid command" in ctl("configtest").stderr


def test_words_that_go_to_the_server(ctl):
    assert "Syntax OK" in ctl("configtest").stderr + ctl("configtest").stdout
    assert "Syntax OK" in ctl("-t").stderr + ctl("-t").stdout
    assert "Server version" in ctl("-v").stdout
    assert "Define: OURS" in ctl("configtest", "-D", "OURS", "-D", "DUMP_RUN_CFG").stdout


@pytest.mark.parametrize("words, code", [([], 1), (["help"], 0), (["--help"], 0), (["nonsense"], 2),
                                         (["startssl"], 2), (["start-SSL"], 2)])
def test_other_words(ctl, words, code):
    result = ctl(*words)
    assert result.returncode == code
    assert ("is gone" if "ssl" in "".join(words).lower() else "Usage: pinionctl") in result.stdout + result.stderr


def test_variables_of_a_shell_file(ctl):
    site = ctl.site
    site.conf('Define name ${SITE_NAME}\nServerAdmin "${name}@localhost"').write_conf()
    variables = site.dir / "envvars"
    variables.write_text(f'SITE_NAME=webmaster\nPINION_ARGUMENTS="-d {site.run_dir} -f {site.server.conf}"\n')
    assert ctl("configtest", PINION_ENVVARS=str(variables), PINION_ARGUMENTS="").returncode == 0
    missing = ctl("configtest", PINION_ENVVARS=str(site.dir / "nothing"))
    assert (missing.returncode, "nothing" in missing.stderr) == (1, True)


def test_server_that_is_not_there(ctl):
    for verb in ("start", "restart"):
        result = ctl(verb, PINION_SERVER="/nothing/pinion")
        assert (result.returncode, "/nothing/pinion" in result.stderr) == (127, True)


# --- status ---

def test_status(ctl):
    site = ctl.site.modules("status").conf(STATUS)
    site.start()
    site.get("/ten.txt?\x7f\x1b[2J")
    brief, full = ctl("status"), ctl("fullstatus")
    assert brief.returncode == full.returncode == 0
    assert "Workers: 1 busy" in brief.stdout and "generation 1" in brief.stdout
    assert "HOST AND REQUEST" not in brief.stdout
    assert "GET /server-status?json HTTP/1.0" in full.stdout
    assert "\x1b" not in full.stdout


def test_status_over_ipv6(ctl):
    site = ctl.site.modules("status").conf(STATUS)
    site.listen.append(f"Listen [::1]:{site.port}")
    site.start()
    assert "Workers: 1 busy" in ctl("status", PINION_STATUSURL=f"http://[::1]:{site.port}/server-status").stdout


def test_status_of_what_has_none(ctl):
    site = ctl.site.file("page.html", b"<p>no JSON</p>").file("list.json", b"[1]")
    site.start()
    for path, words in (("/server-status", "404"), ("/page.html", "no status page"), ("/list.json", "no status page")):
        result = ctl("status", PINION_STATUSURL=f"http://127.0.0.1:{site.port}{path}")
        assert (result.returncode, words in result.stderr) == (1, True), result.stderr
    for url, words in (("https://localhost/", "no http: URL"), ("nonsense", "no http: URL"),
                       (f"http://127.0.0.1:{servers.free_port()}/", "cannot connect")):
        result = ctl("fullstatus", PINION_STATUSURL=url)
        assert (result.returncode, words in result.stderr) == (1, True), result.stderr
