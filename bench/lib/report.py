"""Tables for the terminal and for Markdown."""

from __future__ import annotations

import json
from pathlib import Path

from .facts import Facts
from .model import Metric
from .results import Row, Table

SUBJECT = "pinion"
SKIPPED_MARK = "–"


def _cell(row: Row, metric: Metric) -> str:
    if row.error:
        return "failed"
    value = row.median(metric)
    return SKIPPED_MARK if value is None else f"{value / metric.scale:,.{metric.digits}f}"


def _times(ratio: float | None) -> str:
    return SKIPPED_MARK if ratio is None else f"{ratio:.2f}"


def _percent(spread: float | None) -> str:
    return SKIPPED_MARK if spread is None else f"{spread * 100:.0f} %"


def numbers(table: Table) -> list[list[str]]:
    """Head and rows: the headline number, its spread and its multiple of the floor, all others."""
    first, *others = table.case.driver.metrics
    head = ["", first.title, "spread"]
    if first.ratio_to_floor:
        head.append("× floor")
    lines = [head + [metric.title for metric in others]]
    for row in table.rows:
        line = [row.server.title, _cell(row, first), _percent(row.spread(first))]
        if first.ratio_to_floor:
            line.append(_times(table.floor_ratio(row)))
        lines.append(line + [_cell(row, metric) for metric in others])
    return lines


def ratios(table: Table) -> list[list[str]]:
    """Head and rows: each server's headline number as a multiple of each other's."""
    peers = [row for row in table.rows if row.server.name != "floor"]
    lines = [[f"{table.headline.title}, as a multiple of"] + [row.server.title for row in peers]]
    for row in peers:
        cells = [_times(table.ratio(row, to)) if to is not row else "1" for to in peers]
        lines.append([row.server.title, *cells])
    return lines


def notes(table: Table) -> list[str]:
    """Failures, without what the server logged, and servers that were not asked."""
    lines = [f"{row.server.title} FAILED: {row.reason}" for row in table.rows if row.error]
    return lines + [f"{title}: {reason}" for title, reason in table.skipped.items()]


def as_text(lines: list[list[str]]) -> str:
    """Aligned columns, the first one to the left."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    out = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        out.append("  ".join([line[0].ljust(widths[0]), *cells]).rstrip())
    out.insert(1, "-" * max(len(text) for text in out))
    return "\n".join(out)


def as_markdown(lines: list[list[str]]) -> str:
    """A Markdown table with the same cells."""
    head, *body = lines
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *body])


def terminal(tables: list[Table], facts: Facts) -> str:
    """All that bench/run prints at its end."""
    parts = ["\n".join(facts.lines())]
    for table in tables:
        parts.append(f"== {table.case.title}\n\n{as_text(numbers(table))}")
        if len(table.rows) > 2:
            parts.append(as_text(ratios(table)))
        if notes(table):
            parts.append("\n".join(notes(table)))
    return "\n\n".join(parts)


def overview(tables: list[Table]) -> list[list[str]]:
    """Head and rows: the headline number of each server in each case."""
    titles: dict[str, str] = {}
    for table in tables:
        titles.update({row.server.name: row.server.title for row in table.rows})
    common = tables[0].headline.title
    units = [f" ({t.headline.title})" if t.headline.title != common else "" for t in tables]
    lines = [[common, *(table.case.name + unit for table, unit in zip(tables, units))]]
    for name, title in titles.items():
        rows = [(table, table.row(name)) for table in tables]
        cells = [_cell(row, table.headline) if row else SKIPPED_MARK for table, row in rows]
        lines.append([title, *cells])
    return lines


def markdown(tables: list[Table], facts: Facts, chart: str | None) -> str:
    """The file in bench/results/."""
    parts = ["# Benchmark results", "  \n".join(facts.lines())]
    parts.append("How this was measured: [README](../README.md). Smaller is better everywhere but "
                 "in requests/s.")
    if chart:
        parts.append(f"![Chart]({chart})")
    if len(tables) > 1:
        parts += ["## All cases", as_markdown(overview(tables))]
    for table in tables:
        parts += [f"## {table.case.title}", as_markdown(numbers(table))]
        if len(table.rows) > 2:
            parts.append(as_markdown(ratios(table)))
        parts += ["- " + note for note in notes(table)]
    return "\n\n".join(parts) + "\n"


def raw(tables: list[Table], facts: Facts) -> str:
    """Every sample, as JSON."""
    data = {"facts": facts.as_dict(), "cases": [table.as_dict() for table in tables]}
    return json.dumps(data, indent=1) + "\n"


def write(path: Path, text: str) -> None:
    """Write a result file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
