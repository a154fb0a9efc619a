"""The chart: a panel of bars for each case, as SVG that follows the reader's light or dark theme.

matplotlib draws it in the light theme's colours; a style sheet put into the file replaces them
where the reader prefers dark. Text stays text.
"""

from __future__ import annotations

import importlib.util
import io
import math
from pathlib import Path
from typing import Any

from .results import Row, Table

INK = "#1f2328"
MUTED = "#59636e"
PANEL_COLUMNS = 2
BAR_COLOURS = {"floor": "#8c959f", "pinion": "#d1242f"}
PEER_COLOUR = "#4184d6"
DARK = {INK: "#e6edf3", MUTED: "#9198a1", "#8c959f": "#6e7681", "#d1242f": "#ff7b72",
        PEER_COLOUR: "#58a6ff"}
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
}


def available() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def _panel(axes: Any, table: Table) -> None:
    """One case: a bar a server, its number at its end."""
    metric = table.headline
    shown: list[tuple[Row, float]] = []
    for row in table.rows:
        value = row.median(metric)
        if value is not None:
            shown.append((row, value / metric.scale))
    values = [value for _, value in shown]
    colours = [BAR_COLOURS.get(row.server.name, PEER_COLOUR) for row, _ in shown]
    axes.barh(range(len(shown)), values, color=colours, height=0.68)
    for place, value in enumerate(values):
        label = f"{value:,.{metric.digits}f}"
        axes.annotate(label, (max(value, 0), place), xytext=(4, 0), textcoords="offset points",
                      va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(shown)), [row.server.title for row, _ in shown], color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, max(values, default=1) * 1.18 or 1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_title(table.case.title, loc="left", fontsize=11, fontweight="bold", pad=16, color=INK)
    axes.text(0, 1.02, metric.title, transform=axes.transAxes, fontsize=9, color=MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _dark_style() -> str:
    rules = []
    for light, dark in DARK.items():
        rules.append(f'[style*="fill: {light}"]{{fill:{dark}!important}}')
        rules.append(f'[style*="stroke: {light}"]{{stroke:{dark}!important}}')
    return "<style>@media (prefers-color-scheme: dark){" + "".join(rules) + "}</style>"


def draw(tables: list[Table], path: Path) -> None:
    """Write the chart. Needs matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    columns = min(PANEL_COLUMNS, len(tables))
    rows = math.ceil(len(tables) / columns)
    tallest = max(len(table.rows) for table in tables)
    with matplotlib.rc_context(SETTINGS):
        figure, grid = pyplot.subplots(
            rows, columns, squeeze=False, layout="constrained",
            figsize=(5.6 * columns, (0.27 * tallest + 0.9) * rows),
        )
        figure.get_layout_engine().set(hspace=0.06, wspace=0.06)
        panels = list(grid.flat)
        for axes, table in zip(panels, tables):
            _panel(axes, table)
        for axes in panels[len(tables):]:
            axes.set_visible(False)
        sink = io.StringIO()
        no_metadata = {"Date": None, "Creator": None}
        figure.savefig(sink, format="svg", transparent=True, metadata=no_metadata)
        pyplot.close(figure)
    path.write_text(sink.getvalue().replace("<defs>", _dark_style() + "\n <defs>", 1))
