"""The fixture that every wire test starts from."""
import pytest

from lib import servers
from lib.site import Site


@pytest.fixture
def site(request):
    """A Site, stopped and checked for remains when the test is over."""
    binary = servers.pinion_binary()
    if binary is None:
        pytest.skip("Pinion's program is not built (build/pinion, or the path in $PINION)")
    one = Site(binary, getattr(request, "param", "h1"))
    yield one
    one.close()
