"""The numbers of a bench run, their medians and their ratios."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from .model import Case, Metric, Sample
from .server import Server

FLOOR = "floor"


@dataclass
class Row:
    """One server in one case: a sample for each round, None where the round failed."""

    server: Server
    samples: list[Sample | None] = field(default_factory=list)
    error: str | None = None
    """Why the case does not count for this server."""

    @property
    def reason(self) -> str | None:
        """The error without what the server logged."""
        return self.error.splitlines()[0] if self.error else None

    def median(self, metric: Metric) -> float | None:
        """The median over the rounds; None after a failure."""
        values = [sample[metric.key] for sample in self.samples if sample is not None]
        return statistics.median(values) if values and not self.error else None

    def spread(self, metric: Metric) -> float | None:
        """Largest less smallest value over the median, as a measure of noise."""
        values = [sample[metric.key] for sample in self.samples if sample is not None]
        middle = self.median(metric)
        return (max(values) - min(values)) / middle if middle else None


@dataclass
class Table:
    """One case with all servers that took part."""

    case: Case
    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Server title -> why the case was not put to it."""

    @property
    def headline(self) -> Metric:
        """The number that is compared."""
        return self.case.driver.metrics[0]

    def row(self, name: str) -> Row | None:
        """A server's row."""
        return next((row for row in self.rows if row.server.name == name), None)

    def ratio(self, row: Row, to: Row | None) -> float | None:
        """Median over the rounds of the headline numbers' ratio within a round."""
        if to is None or row.error or to.error:
            return None
        key = self.headline.key
        pairs = [(a, b) for a, b in zip(row.samples, to.samples) if a is not None and b is not None]
        ratios = [a[key] / b[key] for a, b in pairs if b[key] > 0]
        return statistics.median(ratios) if ratios else None

    def floor_ratio(self, row: Row) -> float | None:
        """How many times the floor's cost."""
        return self.ratio(row, self.row(FLOOR)) if self.headline.ratio_to_floor else None

    def as_dict(self) -> dict[str, object]:
        """For the raw results."""
        return {
            "case": self.case.name,
            "title": self.case.title,
            "servers": {
                row.server.name: {"samples": row.samples, "error": row.reason} for row in self.rows
            },
            "skipped": self.skipped,
        }
