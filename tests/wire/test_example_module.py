"""The module of docs/templates, which dev/new-module copies, loaded as a shared object."""
import pytest


@pytest.fixture
def example(site):
    """A site with a page and the example loaded."""
    module = site.binary.parent / "docs/templates/mod_template.so"
    if not module.is_file():
        pytest.skip("the example module is not built beside the program (ninja all)")
    return site.file("page.txt", "text").conf(f'LoadModule template_module "{module}"')


def test_example_sends_its_field(example):
    example.conf("Template On\nTemplateText good-day").start()
    answer = example.get("/page.txt")
    assert (answer.status, answer.body) == (200, b"text")
    assert answer.headers["greeting"] == "good-day"


def test_example_is_off_until_it_is_switched_on(example):
    example.start()
    answer = example.get("/page.txt")
    assert answer.status == 200
    assert "greeting" not in answer.headers


def test_example_has_the_text_of_its_row_by_default(example):
    example.conf("<Location /page.txt>\nTemplate On\n</Location>").start()
    assert example.get("/page.txt").headers["greeting"] == "hello"
    assert "greeting" not in example.get("/missing.txt").headers


def test_example_is_listed_as_shared(example):
    example.write_conf()
    assert " template_module (shared)" in example.run("-M").stdout


def test_its_directives_are_unknown_without_it(site):
    site.conf("Template On").write_conf()
    result = site.run("-t")
    assert result.returncode == 1
    assert "Template" in result.stderr
