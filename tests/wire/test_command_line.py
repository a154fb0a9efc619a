"""The program's command line: forms, streams and exit codes that scripts rely on."""
import re
import socket

import pytest

from lib import servers


@pytest.fixture
def quiet(site):
    """A site with a written configuration that is not running."""
    site.write_conf()
    return site


def test_check_of_a_good_configuration(quiet):
    result = quiet.run("-t")
    assert (result.returncode, result.stdout) == (0, "")
    assert "Syntax OK" in result.stderr
    assert not quiet.server.pid_file.exists()


def test_check_of_a_broken_configuration(quiet):
    text = quiet.server.conf.read_text()
    quiet.server.conf.write_text(text + "Nonsense On\n")
    result = quiet.run("-t")
    assert result.returncode == 1
    assert f"line {text.count(chr(10)) + 1} of {quiet.server.conf}" in result.stderr
    assert "Nonsense" in result.stderr
    assert "Syntax OK" not in result.stderr


def test_missing_configuration_file(site):
    result = site.run_bare("-t", "-f", str(site.dir / "nothing.conf"))
    assert result.returncode == 1
    assert str(site.dir / "nothing.conf") in result.stderr


@pytest.mark.parametrize("text", [
    "<Directory /x>", "</Directory>", "<VirtualHost *:80>\n<Directory /x>\n</VirtualHost>",
    "Listen", "Listen 1 2 3 4", "KeepAlive maybe", "MaxKeepAliveRequests",
    "<Location>\n</Location>",
    "LoadModule nobody_module /nothing/mod_nobody.so", "Include /nothing/at/all.conf",
    'Redirect "/unfinished', "RedirectMatch ^( http://x.test/", "User nobody-at-all-here",
])
def test_broken_in_many_ways(site, text):
    site.conf(text).write_conf()
    result = site.run("-t")
    assert result.returncode == 1, result.stderr
    assert result.stderr.strip()


def test_version(site):
    result = site.run_bare("-v")
    assert result.returncode == 0
    assert re.search(r"^Server version: .*Apache/2\.4\.\d+", result.stdout, re.M)
    assert re.search(r"^Server built: ", result.stdout, re.M)


def test_version_with_settings(quiet):
    result = quiet.run("-V")
    assert result.returncode == 0
    for line in (r"Server version: ", r"Server MPM: +event", r" -D HTTPD_ROOT=\"",
                 r"Architecture: ", r" -D SERVER_CONFIG_FILE=\"", r"  threaded: ", r"    forked: "):
        assert re.search("^" + line, result.stdout, re.M), line


def test_compiled_in_modules(site):
    result = site.run_bare("-l")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "Compiled in modules:"
    assert "  core.c" in lines


def test_list_of_directives(quiet):
    result = quiet.run("-L")
    assert result.returncode == 0
    assert "DocumentRoot" in result.stdout
    assert "RedirectMatch" in result.stdout


def test_list_of_modules(quiet):
    result = quiet.run("-M")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "Loaded Modules:"
    for name in ("core", "http", "log_config", "mpm_event", "alias", "mime", "dir", "authz_core"):
        assert {f" {name}_module (static)", f" {name}_module (shared)"} & set(lines), name
    assert quiet.run("-D", "DUMP_MODULES").stdout == result.stdout
    assert quiet.run("-t", "-D", "DUMP_MODULES").stdout == result.stdout


def test_virtual_hosts_and_run_settings(site):
    site.conf("<VirtualHost *:{port}>\nServerName one.test\nServerAlias eins.test uno.test\n"
              "</VirtualHost>\n<VirtualHost *:{port}>\nServerName two.test\n</VirtualHost>")
    site.write_conf()
    result = site.run("-S")
    assert result.returncode == 0
    assert result.stdout.startswith("VirtualHost configuration:\n")
    for text in ("one.test", "two.test", "alias eins.test", "default server one.test",
                 f"port {site.port} namevhost two.test", f"({site.server.conf}:",
                 f'ServerRoot: "{site.run_dir}"', f'Main DocumentRoot: "{site.root}"',
                 f'PidFile: "{site.server.pid_file}"'):
        assert text in result.stdout, (text, result.stdout)
    only_hosts = site.run("-t", "-D", "DUMP_VHOSTS")
    assert only_hosts.returncode == 0
    assert "namevhost two.test" in only_hosts.stdout and "PidFile" not in only_hosts.stdout
    only_settings = site.run("-t", "-D", "DUMP_RUN_CFG")
    assert "PidFile" in only_settings.stdout and "namevhost" not in only_settings.stdout


def test_included_files(site):
    (site.run_dir / "more.conf").write_text("Redirect /x http://x.test/\n")
    site.conf('Include "{run}/more.conf"').write_conf()
    result = site.run("-t", "-D", "DUMP_INCLUDES")
    assert result.returncode == 0
    assert result.stdout.startswith("Included configuration files:\n")
    assert f"(*) {site.server.conf}" in result.stdout
    assert f"{site.run_dir}/more.conf" in result.stdout


def test_directives_from_the_command_line(quiet):
    assert quiet.run("-t", "-c", "Redirect /x http://x.test/").returncode == 0
    assert quiet.run("-t", "-C", "Define EARLY").returncode == 0
    late = quiet.run("-t", "-c", "Nonsense On")
    assert late.returncode == 1
    assert "Nonsense" in late.stderr and "-c/-C" in late.stderr


def test_defines_from_the_command_line(site):
    site.conf("<IfDefine SPECIAL>\nNonsense On\n</IfDefine>").write_conf()
    assert site.run("-t").returncode == 0
    assert site.run("-t", "-D", "SPECIAL").returncode == 1
    assert site.run("-t", "-DSPECIAL").returncode == 1


def test_startup_errors_go_to_a_file(quiet):
    target = quiet.dir / "startup.log"
    result = quiet.run("-E", str(target), "-t")
    assert result.returncode == 0
    assert "Syntax OK" in target.read_text()


@pytest.mark.parametrize("arguments", [["-Z"], ["-k", "nonsense"], ["surplus"], ["-f"]])
def test_wrong_arguments(quiet, arguments):
    result = quiet.run(*arguments)
    assert result.returncode == 1
    assert "Usage:" in result.stderr
    assert not quiet.server.pid_file.exists()


def test_help(site):
    result = site.run_bare("-h")
    assert result.returncode == 1
    assert "-k start|restart|graceful|graceful-stop|stop" in result.stderr


def test_start_twice_and_stop_twice(quiet):
    quiet.file("ten.txt", b"0123456789")
    assert quiet.run("-k", "start").returncode == 0
    quiet.wait(quiet.server.pid_file.exists, "the pid file")
    master = quiet.master
    try:
        assert quiet.get("/ten.txt").status == 200
        again = quiet.run("-k", "start")
        assert (again.returncode, f"(pid {master}) already running" in again.stdout) == (0, True)
        assert quiet.run("-t").returncode == 0
        assert quiet.run_bare("-v").returncode == 0
        assert quiet.master == master
    finally:
        assert quiet.run("-k", "stop").returncode == 0
        quiet.wait(lambda: not servers.process_alive(master), "the daemon to end")
    quiet.wait(lambda: not quiet.server.pid_file.exists(), "the pid file to go")
    never = quiet.run("-k", "stop")
    assert (never.returncode, "not running" in never.stdout) == (0, True)


@pytest.mark.parametrize("verb", ["graceful", "restart"])
def test_restart_of_what_does_not_run_starts_it(quiet, verb):
    quiet.file("ten.txt", b"0123456789")
    result = quiet.run("-k", verb)
    assert result.returncode == 0
    assert "not running, trying to start" in result.stdout
    quiet.wait(quiet.server.pid_file.exists, "the pid file")
    master = quiet.master
    quiet.wait(lambda: quiet.get("/ten.txt").status == 200, "service")
    assert quiet.run("-k", "graceful-stop").returncode == 0
    quiet.wait(lambda: not servers.process_alive(master), "the daemon to end")


def test_stale_pid_file_does_no_harm(quiet):
    quiet.server.pid_file.write_text("999999\n")
    assert quiet.run("-k", "start").returncode == 0
    quiet.wait(lambda: quiet.server.pid_file.read_text() != "999999\n", "a fresh pid file")
    master = quiet.master
    assert quiet.run("-k", "stop").returncode == 0
    quiet.wait(lambda: not servers.process_alive(master), "the daemon to end")


def test_port_in_use(site):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", site.port))
        taken.listen(1)
        site.write_conf()
        result = site.run("-k", "start")
    assert result.returncode == 1
    assert str(site.port) in result.stderr + site.error_log
    assert not site.server.pid_file.exists()


def test_document_root_that_is_not_there(site):
    site.conf('DocumentRoot "{run}/nothing-here"').write_conf()
    result = site.run("-t")
    assert "nothing-here" in result.stderr


def test_option_T_does_not_look_at_document_roots(site):
    site.conf('DocumentRoot "{run}/nothing-here"').write_conf()
    result = site.run("-t", "-T")
    assert (result.returncode, "nothing-here" in result.stderr) == (0, False), result.stderr


# --- Suexec ---

def test_suexec_off_needs_no_module(site):
    site.conf("Suexec Off").write_conf()
    assert site.run("-t").returncode == 0


def test_suexec_on_without_its_module_is_an_error(site):
    site.conf("Suexec On").write_conf()
    result = site.run("-t")
    assert result.returncode == 1
    assert "suexec_module is not loaded" in result.stderr
