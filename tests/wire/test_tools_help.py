"""Each program around the server sums up its options and has a page."""
import pytest

from lib import servers, tools

PAGES = {"checkgid": 8, "htdbm": 1, "htdigest": 1, "htpasswd": 1, "httxt2dbm": 1, "logresolve": 1,
         "pinionctl": 8, "rotatelogs": 8, "split-logfile": 8}


@pytest.mark.parametrize("name", PAGES)
def test_help(name):
    result = tools.run(tools.path_of(name), "--help")
    assert (result.returncode, result.stderr, result.stdout.startswith(f"Usage: {name} ")) == (0, "", True)


@pytest.mark.parametrize("name", PAGES)
def test_page(name):
    page = servers.REPO / "docs/man" / f"{name}.{PAGES[name]}"
    assert f"\n.Nm {name}\n" in page.read_text()
    assert page.name in (servers.REPO / "meson.build").read_text()
