"""What both suites share: the marks' meaning and the order of protocols."""
PROTOCOLS = ["h1", "h1s", "h2"]    # HTTP/1.1 in the clear and over TLS, HTTP/2


def pytest_generate_tests(metafunc):
    """A test marked every_protocol runs once for each; the others over plain HTTP/1.1."""
    if metafunc.definition.get_closest_marker("every_protocol") and "site" in metafunc.fixturenames:
        metafunc.parametrize("site", PROTOCOLS, indirect=True)
