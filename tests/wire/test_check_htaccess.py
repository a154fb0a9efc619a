"""pinion -t --htaccess DIR: a tree of .htaccess files, checked before a request meets them."""
import os

import pytest


ALLOW = '<Directory "{root}">\nAllowOverride %s\n</Directory>'


def check(site, directory=None):
    site.write_conf()
    return site.run("-t", "--htaccess", str(directory or site.root))


def test_all_is_well(site):
    site.conf(ALLOW % "All").file("a/.htaccess", "ForceType text/x\n").file("a/b/.htaccess", "Options -Indexes\n")
    run = check(site)
    assert run.returncode == 0, run.stderr
    assert "2 .htaccess files checked: 0 wrong, 0 not read" in run.stderr and "Syntax OK" in run.stderr


def test_each_mistake_with_place_cause_and_cure(site):
    site.conf(ALLOW % "All").file("a/.htaccess", "# fine\nOptoins None\n").file("b/.htaccess", "<Files x>\n").file("c/.htaccess", "Options None\n")
    run = check(site)
    assert run.returncode == 1
    assert f"line 2 of {site.root}/a/.htaccess" in run.stderr and "Did you mean Options?" in run.stderr
    assert f"{site.root}/b/.htaccess" in run.stderr
    assert "3 .htaccess files checked: 2 wrong" in run.stderr and "Syntax OK" not in run.stderr


def test_what_allow_override_admits(site):
    site.conf(ALLOW % "FileInfo").conf('<Directory "{root}/b">\nAllowOverride AuthConfig\n</Directory>')
    site.conf('<Directory "{root}/none">\nAllowOverride None\n</Directory>')
    site.file("a/.htaccess", "ForceType text/x\n").file("b/.htaccess", "ForceType text/x\n").file("none/.htaccess", "Nonsense\n")
    run = check(site)
    assert run.returncode == 1 and f"{site.root}/b/.htaccess" in run.stderr and f"{site.root}/a/.htaccess" not in run.stderr
    assert "ForceType" in run.stderr and "AllowOverride" in run.stderr
    assert f"note: {site.root}/none/.htaccess is not read" in run.stderr
    assert "3 .htaccess files checked: 1 wrong, 1 not read" in run.stderr


def test_it_agrees_with_the_server(site):
    texts = ["Options None\n", "Options Nonsense\n", "Require all granted\n", "Require nonsense\n", "<If \"true\">\nForceType text/x\n</If>\n",
             "<If \"(\">\n</If>\n", "DocumentRoot /\n", "<Directory />\n</Directory>\n", "ErrorDocument 404 /x\n", "</Files>\n", ""]
    site.conf(ALLOW % "All")
    for n, text in enumerate(texts):
        site.file(f"{n}/.htaccess", text).file(f"{n}/a.txt", b"a")
    stderr = check(site).stderr
    site.start()
    for n, text in enumerate(texts):
        wrong = f"{site.root}/{n}/.htaccess" in stderr
        assert (site.get(f"/{n}/a.txt").status == 500) == wrong, text


def test_other_names(site):
    site.conf("AccessFileName .config .acl\n" + ALLOW % "All").file("a/.acl", "Nonsense\n").file("a/.htaccess", "Nonsense\n")
    run = check(site)
    assert run.returncode == 1 and "a/.acl" in run.stderr and "a/.htaccess" not in run.stderr


def test_virtual_hosts_with_settings_of_their_own(site):
    site.conf('<VirtualHost *:80>\nServerName one.test\nDocumentRoot "{root}"\n<Directory "{root}">\nAllowOverride All\n</Directory>\n'
              "</VirtualHost>").file("a/.htaccess", "Nonsense\n")
    run = check(site)
    assert run.returncode == 1 and run.stderr.count("Nonsense'") == 1


def test_things_that_are_no_files(site):
    site.conf(ALLOW % "All")
    (site.root / "a" / ".htaccess").mkdir(parents=True)
    os.makedirs(site.root / "b")
    os.mkfifo(site.root / "b" / ".htaccess")
    run = check(site)
    assert run.returncode == 1 and "2 wrong" in run.stderr and "no regular file" in run.stderr


def test_no_such_tree(site):
    run = check(site, site.root / "nowhere")
    assert run.returncode == 1 and "nowhere" in run.stderr
