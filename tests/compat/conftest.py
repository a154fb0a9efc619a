"""The servers that cases of this process share."""
import os

import pytest

from compat import pair


def pytest_report_header(config):
    found = [f"{kind} {binary}" for kind, binary in pair.kinds()]
    return "compat: " + (", ".join(found) or "no server")


@pytest.fixture(scope="session")
def pairs():
    if not pair.kinds():
        pytest.skip("neither Debian's apache2 nor Pinion's program is there")
    os.umask(0o022)
    shared = pair.Pairs()
    yield shared
    complaints = shared.close()
    assert not complaints, "\n".join(complaints)
