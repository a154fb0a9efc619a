"""Process memory of an idle kept-alive connection."""

from lib.idle import Idle
from lib.model import Case, Expect

CASES = [
    Case(
        name="idle",
        title="5,000 idle connections",
        driver=Idle(),
        expect=Expect(file="1k.txt"),
        connections=5000,
        order=30,
    ),
]
