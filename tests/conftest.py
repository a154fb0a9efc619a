"""What both suites share: the marks' meaning and the order of protocols."""
PROTOCOLS = ["h1"]                 # h1 over TLS and h2 join here when the server speaks them


def pytest_generate_tests(metafunc):
    """A test marked every_protocol runs once for each; the others over plain HTTP/1.1."""
    if metafunc.definition.get_closest_marker("every_protocol") and "site" in metafunc.fixturenames:
        metafunc.parametrize("site", PROTOCOLS, indirect=True)
