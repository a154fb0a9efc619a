"""pinion explain: what it says of a request is what a server does with it."""
import base64
import hashlib
import json

import pytest



def explain(site, url, *arguments):
    """The explanation as parsed JSON."""
    run = site.run_bare("explain", url, "--json", "-d", str(site.run_dir), "-f", str(site.write_conf()), *arguments)
    assert run.returncode in (0, 1), run.stderr
    found = json.loads(run.stdout)
    assert run.returncode == (found["status"] >= 400)
    return found


def steps(found, kind):
    return [step["text"] for step in found["steps"] if step["kind"] == kind]


def where(found, text):
    """file:line of the step with this text."""
    return next((f'{step["file"].rsplit("/", 1)[-1]}:{step["line"]}' for step in found["steps"] if step["text"] == text), None)


def line_of(site, text):
    lines = site.server.conf.read_text().splitlines()
    return f"httpd.conf:{[line.strip() for line in lines].index(text) + 1}"


def test_plain_file(site):
    site.file("a.txt", b"hello")
    found = explain(site, "/a.txt")
    assert found["status"] == 200 and found["handled"]
    assert found["place"]["file name"] == f"{site.root}/a.txt"
    assert found["place"]["what it is"] == "a file"
    assert found["place"]["content type"] == "text/plain"
    assert found["place"]["Options"] == "FollowSymLinks"
    assert ["Content-Type", "text/plain"] in found["fields"] or found["place"]["content type"] == "text/plain"
    assert steps(found, "handler") == ["the file itself"]


def test_nothing_is_left_behind(site):
    site.file("a.txt", b"hello")
    explain(site, "/a.txt")
    assert not (site.run_dir / "error.log").exists() and not (site.run_dir / "access.log").exists()
    assert not (site.run_dir / "httpd.pid").exists()


def test_sections_with_their_places(site):
    site.file("d/a.txt", b"a")
    site.conf('<Directory "{root}/d">\nOptions +Indexes\n</Directory>\n<Location "/d">\nForceType text/x-mine\n</Location>\n'
              '<LocationMatch "^/d/[ab]">\nOptions +Includes\n</LocationMatch>\n<Files "*.txt">\nSetEnv A b\n</Files>\n'
              '<Location "/other">\nRequire all denied\n</Location>\n<If "%{REQUEST_METHOD} == \'PUT\'">\nOptions None\n</If>').modules("env")
    found = explain(site, "/d/a.txt")
    said = steps(found, "section")
    for text, line in ((f'<Directory "{site.root}/d">', f'<Directory "{site.root}/d">'), ('<Location "/d">', '<Location "/d">'),
                       ('<LocationMatch "^/d/[ab]">', '<LocationMatch "^/d/[ab]">'), ('<Files "*.txt">', '<Files "*.txt">')):
        assert said.count(text) == 1, said
        assert where(found, text) == line_of(site, line)
    assert not any("/other" in text for text in said)
    assert any(text.endswith("does not hold") for text in said)
    assert found["place"]["content type"] == "text/x-mine"
    assert found["place"]["Options"] == "Indexes Includes FollowSymLinks"
    assert "Options None" not in explain(site, "/d/a.txt", "-X", "PUT")["place"]["Options"]


def test_htaccess_files_are_named(site):
    site.file("d/e/a.txt", b"a").file("d/.htaccess", "ForceType text/one\n").file("d/e/.htaccess", "ForceType text/two\n")
    site.conf('<Directory "{root}">\nAllowOverride All\n</Directory>')
    found = explain(site, "/d/e/a.txt")
    assert steps(found, "htaccess") == [f"{site.root}/d/.htaccess", f"{site.root}/d/e/.htaccess"]
    assert found["place"]["content type"] == "text/two"
    assert found["place"]["AllowOverride"] == "All"


def test_broken_htaccess(site):
    site.file("d/a.txt", b"a").file("d/.htaccess", "Nonsense on\n")
    site.conf('<Directory "{root}">\nAllowOverride All\n</Directory>')
    found = explain(site, "/d/a.txt")
    assert found["status"] == 500
    assert any("is broken" in text for text in steps(found, "htaccess"))
    assert any("Nonsense" in text for text in steps(found, "log"))


def test_virtual_host_is_chosen_by_name(site):
    site.conf('<VirtualHost *:80>\nServerName one.test\nDocumentRoot "{root}"\n</VirtualHost>\n'
              '<VirtualHost *:80>\nServerName two.test\nServerAlias *.two.test\nDocumentRoot "{root}"\n</VirtualHost>')
    assert explain(site, "http://one.test/")["place"]["virtual host"].startswith("one.test (")
    assert explain(site, "http://x.two.test/")["place"]["virtual host"].startswith("two.test (")
    assert explain(site, "http://one.test:8080/")["place"]["virtual host"].endswith("the main server")
    assert explain(site, "/", "-H", "X-A: b")["place"]["virtual host"].startswith("one.test (")


def test_rewriting_step_by_step(site):
    site.file("new.txt", b"a").modules("rewrite")
    site.conf('RewriteEngine On\nRewriteRule "^/no" "/x"\nRewriteCond "%{QUERY_STRING}" "a=(.)"\nRewriteRule "^/old\\.(.*)$" "/new.$1" [E=K:%1]')
    found = explain(site, "/old.txt?a=b")
    said = "\n".join(steps(found, "rewrite"))
    assert "pattern '^/no' on \"/old.txt\": does not match" in said
    assert 'becomes "/new.txt"' in said and "a=(.)" in said and 'K = "b"' in said
    assert found["place"]["file name"] == f"{site.root}/new.txt" and found["status"] == 200


def test_redirection(site):
    site.conf('Redirect "/old" "http://www.example.test/new"')
    found = explain(site, "/old/x")
    assert found["status"] == 302
    assert ["Location", "http://www.example.test/new/x"] in found["fields"]
    assert any("mod_alias.c" in text for text in steps(found, "hook"))


def test_who_may_enter_and_why(site):
    site.file("p/a.txt", b"a")
    site.modules("auth_basic", "authn_core", "authn_file", "authz_user", "authz_host")
    users = site.run_dir / "users"
    users.write_text("alice:{SHA}" + base64.b64encode(hashlib.sha1(b"sesame").digest()).decode() + "\n")
    users.chmod(0o644)
    site.conf('<Location "/p">\nAuthType Basic\nAuthName Members\nAuthUserFile "{run}/users"\n<RequireAll>\nRequire ip 10.0.0.0/8\n'
              'Require user alice\n</RequireAll>\n</Location>')
    far = explain(site, "/p/a.txt")
    assert far["status"] == 403
    assert "Require ip 10.0.0.0/8: denied" in steps(far, "require")
    assert where(far, "Require ip 10.0.0.0/8: denied") == line_of(site, "Require ip 10.0.0.0/8")
    assert any("client denied by server configuration" in text for text in steps(far, "log"))
    near = explain(site, "/p/a.txt", "--from", "10.1.2.3")
    assert near["status"] == 401
    assert ["WWW-Authenticate", 'Basic realm="Members"'] in near["fields"]
    token = base64.b64encode(b"alice:sesame").decode()
    let_in = explain(site, "/p/a.txt", "--from", "10.1.2.3", "-H", f"Authorization: Basic {token}")
    assert let_in["status"] == 200 and let_in["place"]["user"] == "alice"
    assert "Require user alice: granted" in steps(let_in, "require")


def test_directory_index_and_its_look_up(site):
    site.file("d/index.html", b"a")
    found = explain(site, "/d/")
    assert found["status"] == 200
    assert any(text.startswith("look-up of GET /d/index.html") for text in steps(found, "request"))


def test_not_found(site):
    found = explain(site, "/nothing.txt")
    assert found["status"] == 404 and found["place"]["what it is"] == "nothing is there"


def test_scripts_are_not_run(site):
    mark = site.run_dir / "ran"
    site.file("a.cgi", f"#!/bin/sh\ntouch {mark}\necho; echo\n", 0o755).modules("cgi")
    site.conf('<Directory "{root}">\nOptions +ExecCGI\nAddHandler cgi-script .cgi\n</Directory>')
    found = explain(site, "/a.cgi")
    assert steps(found, "handler") == ["cgi-script (it is not run here)"] and not found["handled"] or found["status"] == 200
    assert not mark.exists()


def test_filters(site):
    site.file("a.txt", b"a" * 1000).modules("deflate", "filter")
    site.conf("SetOutputFilter DEFLATE")
    found = explain(site, "/a.txt", "-H", "Accept-Encoding: gzip")
    assert any("DEFLATE" in text for text in steps(found, "filter"))
    assert ["Content-Encoding", "gzip"] in found["fields"]


def test_text_output(site):
    site.file("a.txt", b"a").conf('<Location "/a.txt">\nForceType text/x-mine\n</Location>')
    run = site.run_bare("explain", "http://localhost/a.txt", "-d", str(site.run_dir), "-f", str(site.write_conf()))
    assert run.returncode == 0, run.stderr
    assert '<Location "/a.txt">' in run.stdout and "status 200" in run.stdout and "httpd.conf:" in run.stdout
    assert "text/x-mine" in run.stdout


@pytest.mark.parametrize("arguments", [
    [], ["a", "b"], ["ftp://x/"], ["http:///x"], ["/a b"], ["/a", "-H", "A: b\r\nC: d"], ["/a", "-X", "A B\r\n"],
    ["/a", "--from", "nowhere"], ["relative"], ["/a", "--nonsense"],
])
def test_mistakes_on_the_command_line(site, arguments):
    run = site.run_bare("explain", *arguments, "-d", str(site.run_dir), "-f", str(site.write_conf()))
    assert run.returncode != 0 and run.stderr and not run.stdout


def test_bad_request_is_explained_too(site):
    found = explain(site, "/%2e%2e/%2e%2e/etc/passwd")
    assert found["status"] == 400
    assert explain(site, "/a%00b")["status"] in (400, 404)


def test_error_in_the_configuration(site):
    site.conf("Nonsense on")
    run = site.run_bare("explain", "/", "-d", str(site.run_dir), "-f", str(site.write_conf()))
    assert run.returncode == 2 and "Nonsense" in run.stderr


def test_it_says_what_the_server_does(site):
    site.file("a.txt", b"a").file("d/index.html", b"d").file("p/x", b"x").modules("rewrite", "authz_host")
    site.conf('Redirect gone /gone\nRewriteEngine On\nRewriteRule ^/r$ /a.txt\n<Location /p>\nRequire ip 192.0.2.1\n</Location>').start()
    for path in ("/a.txt", "/d/", "/d", "/gone", "/r", "/p/x", "/nothing", "/d/?x", "/a.txt/more"):
        assert explain(site, path)["status"] == site.get(path).status, path
