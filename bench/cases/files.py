"""Plain files of four sizes on kept-alive connections."""

from lib.loads import Wrk
from lib.model import Case, Expect


def _file(name: str, title: str, order: int, connections: int | None = None) -> Case:
    return Case(
        name=name,
        title=title,
        driver=Wrk(),
        path=f"/{name}.txt",
        expect=Expect(file=f"{name}.txt"),
        connections=connections,
        order=order,
    )


CASES = [
    _file("1k", "1 KB file", 10),
    _file("10k", "10 KB file", 11),
    _file("100k", "100 KB file", 12),
    # Few connections: answers cut off at the end would weigh in the CPU time of a request.
    _file("10m", "10 MB file", 13, connections=8),
]
