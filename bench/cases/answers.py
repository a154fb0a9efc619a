"""The small file again: on a connection of its own, not there, and not modified."""

from lib.loads import Wrk
from lib.model import Case, Expect
from lib.site import FILE_TIME_HTTP

CASES = [
    Case(
        name="close",
        title="1 KB file, Connection: close",
        driver=Wrk(),
        headers={"Connection": "close"},
        expect=Expect(file="1k.txt"),
        order=20,
    ),
    Case(
        name="404",
        title="404 Not Found",
        driver=Wrk(),
        path="/no-such-file.txt",
        expect=Expect(status=404),
        order=21,
    ),
    Case(
        name="304",
        title="304 Not Modified",
        driver=Wrk(),
        headers={"If-Modified-Since": FILE_TIME_HTTP},
        expect=Expect(status=304, empty=True),
        order=22,
    ),
]
