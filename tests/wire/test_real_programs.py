"""CGI programs that people run: repositories as pages, statistics of logs. Each is skipped where it is not installed."""
import os
import subprocess

import pytest

GITWEB = "/usr/share/gitweb/gitweb.cgi"
CGIT = "/usr/lib/cgit/cgit.cgi"
AWSTATS = "/usr/lib/cgi-bin/awstats.pl"
LOG = """\
127.0.0.1 - - [10/Oct/2023:13:55:36 +0000] "GET /index.html HTTP/1.1" 200 2326 "-" "Mozilla/5.0"
127.0.0.2 - - [10/Oct/2023:13:56:36 +0000] "GET /other.html HTTP/1.1" 404 326 "-" "Mozilla/5.0"
"""


def wants(path, package):
    return pytest.mark.skipif(not os.path.exists(path), reason=f"the package {package} is not installed")


def run(*command, cwd=None):
    environment = {**os.environ, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
                   "GIT_AUTHOR_NAME": "A. Author", "GIT_AUTHOR_EMAIL": "a@example.test",
                   "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.test"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def store(site):
    """A directory with one bare repository of two commits, readable for the server's user."""
    if not os.path.exists("/usr/bin/git"):
        pytest.skip("the package git is not installed")
    root = site.dir / "repositories"
    work = site.dir / "work"
    run("git", "init", "-q", "-b", "main", work)
    for n in range(2):
        (work / "file.txt").write_text(f"line {n}\n<b>&\n")
        run("git", "add", ".", cwd=work)
        run("git", "commit", "-qm", f"commit number {n}", cwd=work)
    run("git", "clone", "-q", "--bare", work, root / "r.git")
    (root / "r.git" / "description").write_text("a repository of tests\n")
    if os.geteuid() == 0:
        run("chown", "-R", "www-data:www-data", root)
    return root


def scripts(site, path):
    """Makes /cgi/ the directory of that program."""
    directory, name = os.path.split(path)
    site.modules("cgi", "alias", "env").conf(f"""ScriptAlias /cgi/ {directory}/
<Directory {directory}>
    Require all granted
</Directory>
<Location /cgi>
    CGIScriptTimeout 30
</Location>""")
    return f"/cgi/{name}"


@wants(GITWEB, "gitweb")
def test_gitweb(site, store):
    conf = site.dir / "gitweb.conf"
    conf.write_text(f'$projectroot = "{store}";\n$site_name = "tests";\n')
    url = scripts(site, GITWEB)
    site.conf(f"SetEnv GITWEB_CONFIG {conf}").start()
    with site.connect(timeout_s=40) as conn:
        page = conn.request("GET", url)
        assert page.status == 200 and b"a repository of tests" in page.body
        page = conn.request("GET", f"{url}?p=r.git;a=log")
        assert b"commit number 0" in page.body and b"commit number 1" in page.body
        assert conn.request("GET", f"{url}?p=r.git;a=blob_plain;f=file.txt").body == b"line 1\n<b>&\n"
        assert conn.request("GET", f"{url}?p=none.git").status == 404


@wants(CGIT, "cgit")
def test_cgit(site, store):
    conf = site.dir / "cgitrc"
    conf.write_text(f"cache-size=0\nsnapshots=tar.gz\nvirtual-root=/cgi/cgit.cgi\nrepo.url=r\nrepo.path={store}/r.git\nrepo.desc=a repository of tests\n")
    url = scripts(site, CGIT)
    site.conf(f"SetEnv CGIT_CONFIG {conf}").start()
    with site.connect(timeout_s=40) as conn:
        page = conn.request("GET", f"{url}/")
        assert page.status == 200 and b"a repository of tests" in page.body
        page = conn.request("GET", f"{url}/r/log/")
        assert b"commit number 0" in page.body and b"commit number 1" in page.body
        assert conn.request("GET", f"{url}/r/plain/file.txt").body == b"line 1\n<b>&\n"
        assert conn.request("GET", f"{url}/r/snapshot/r-main.tar.gz").body[:2] == b"\x1f\x8b"


@wants(AWSTATS, "awstats")
def test_awstats(site):
    data = site.dir / "awstats"
    data.mkdir()
    data.chmod(0o777)
    (site.dir / "access.txt").write_text(LOG)
    (data / "awstats.test.conf").write_text(
        f'LogFile="{site.dir}/access.txt"\nLogType=W\nLogFormat=1\nSiteDomain="example.test"\nHostAliases="localhost"\n'
        f'DirData="{data}"\nAllowToUpdateStatsFromBrowser=1\nDNSLookup=0\nUseFramesWhenCGI=0\n')
    url = scripts(site, AWSTATS)
    site.conf(f"SetEnv AWSTATS_ENABLE_CONFIG_DIR {data}").start()
    with site.connect(timeout_s=40) as conn:
        page = conn.request("GET", f"{url}?config=test&configdir={data}&update=1")
        assert page.status == 200 and b"Statistics for example.test" in page.body
        page = conn.request("GET", f"{url}?config=test&configdir={data}&month=10&year=2023")
        assert b"Statistics for example.test (2023-10)" in page.body
        assert list(data.glob("awstats102023*.txt")), "the figures were written"
