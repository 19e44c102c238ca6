"""A tried claim as a figure: above, each metric of each variant, a dot a seed; below, how it came about."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

from congling.demonstrations.claim import Curve, Metric, Reading, Variant
from congling.demonstrations.outcome import Outcome
from congling.figures.plots import as_label, category_colour, faint, house_template, slim
from congling.figures.theme import DAY
from congling.language import _

ROW = 34  # pixels of a variant
COURSE = 340  # pixels of the lines of one course
ABOVE, BETWEEN, BELOW = 120, 130, 60  # pixels: titles and legend
GAP = 0.06  # between two metrics, as a part of the width
MOST_POINTS = 200  # of a line: more than can be told apart
DASHES = ("solid", "dot", "dash")


def figure(outcome: Outcome) -> go.Figure:
    """The figure; the variants' colours are the same above and below."""
    courses = len(outcome.claim.courses)
    inner = ROW * len(outcome.claim.variants) + courses * (BETWEEN + COURSE)
    height = ABOVE + inner + BELOW
    ceilings = [((courses - row) * (BETWEEN + COURSE) - BETWEEN) / inner for row in range(courses)]
    drawn = go.Figure(layout={"template": house_template(), "height": height})
    drawn.update_layout(
        title_text=outcome.claim.title,
        title_subtitle_text=_seeds(outcome),
        margin={"t": ABOVE, "b": BELOW, "l": 64, "r": 40},
        legend={"y": ceilings[0], "yanchor": "bottom", "title": _title_of_lines(outcome)},
    )
    for number, metric in enumerate(outcome.claim.metrics, 1):
        drawn.add_traces(list(_dots(outcome, metric, number)))
    drawn.add_traces(list(_lines(outcome)))
    _set_reading_axes(drawn, outcome, courses * (COURSE + BETWEEN) / inner)
    _set_course_axes(drawn, outcome, ceilings, COURSE / inner)
    return drawn


def _seeds(outcome: Outcome) -> str:
    text = _("{count} seeds, a dot each; the line is their mean") if len(outcome.seeds) > 1 else _("one seed")
    return text.format(count=len(outcome.seeds))


# Above: readings -----------------------------------------------------------------------------------------------------


def _dots(outcome: Outcome, metric: Metric, number: int) -> Iterator[go.Scatter]:
    """The seeds' readings of one metric, a row for each variant, and their mean."""
    axes = {"xaxis": f"x{number}", "yaxis": f"y{number}", "showlegend": False}
    for row, variant in enumerate(outcome.claim.variants):
        values = [value for value in outcome.values[Reading(variant.name, metric.name)] if _drawable(value, metric)]
        colour = category_colour(row)
        dot = {"color": faint(colour, 0.75), "size": 10, "line": {"color": DAY.surface, "width": 1}}
        yield go.Scatter(
            x=values, y=[row] * len(values), mode="markers", marker=dot, **axes,
            hovertemplate=as_label(f"{outcome.label(variant)}: ") + "%{x:.3g}<extra></extra>",
        )  # fmt: skip
        if len(values) > 1:
            mean = statistics.fmean(values)
            line = {"color": colour, "width": 3}
            yield go.Scatter(
                x=[mean, mean], y=[row - 0.35, row + 0.35], mode="lines", line=line, hoverinfo="skip", **axes
            )


def _drawable(value: float, metric: Metric) -> bool:
    return math.isfinite(value) and (value > 0 or not metric.logarithmic)


# Below: lines --------------------------------------------------------------------------------------------------------


def _lines(outcome: Outcome) -> Iterator[go.Scatter]:
    """A line for each training and part of it; the seeds of a variant share a colour and one entry of the legend."""
    variants = {variant.name: (row, variant) for row, variant in enumerate(outcome.claim.variants)}
    parts = list(dict.fromkeys(curve.part for curve in sorted(outcome.curves, key=lambda curve: curve.part)))
    named: set[str] = set()
    first_axis = len(outcome.claim.metrics) + 1
    for curve in outcome.curves:
        row, variant = variants[curve.variant]
        axis = first_axis + curve.course
        entry = not curve.part and curve.variant not in named
        named |= {curve.variant} if entry else set()
        yield _line(curve, outcome.label(variant), category_colour(row), DASHES[parts.index(curve.part)], axis, entry)


def _line(curve: Curve, label: str, colour: str, dash: str, axis: int, entry: bool) -> go.Scatter:
    across, upwards = _thinned(curve.x), _thinned(curve.y)
    line = {"color": faint(colour, 0.75), "width": 1.6, "dash": dash}
    return go.Scatter(
        x=slim(across), y=slim(upwards), mode="lines+markers" if len(across) < 12 else "lines", line=line,
        marker={"size": 5},
        name=as_label(label), legendgroup=curve.variant, showlegend=entry, xaxis=f"x{axis}", yaxis=f"y{axis}",
        hovertemplate=as_label(f"{label}: ") + "%{x:.4g}, %{y:.3g}<extra></extra>",
    )  # fmt: skip


def _thinned(values: Sequence[float]) -> list[float]:
    """At most so many of them, evenly, with the last."""
    stride = math.ceil(len(values) / MOST_POINTS)
    return [*values[:-1:stride], values[-1]] if values else []


def _title_of_lines(outcome: Outcome) -> dict[str, object]:
    """That of the first course: it stands on the legend, however many rows this takes."""
    return {"text": outcome.claim.courses[0].title, "side": "top", "font": {"size": 15, "color": DAY.ink}}


# Axes ----------------------------------------------------------------------------------------------------------------


def _set_reading_axes(drawn: go.Figure, outcome: Outcome, floor: float) -> None:
    """The metrics side by side above ``floor``, a part of the height."""
    claim, count = outcome.claim, len(outcome.claim.metrics)
    width = (1 - GAP * (count - 1)) / count
    for number, metric in enumerate(claim.metrics, 1):
        left = (number - 1) * (width + GAP)
        drawn.layout[f"xaxis{number}"] = _reading_axis(metric, left, width) | {"anchor": f"y{number}"}
        drawn.layout[f"yaxis{number}"] = _variant_axis(outcome, claim.variants, floor, number == 1) | {
            "anchor": f"x{number}"
        }
        _mark_diverged(drawn, outcome, metric, number)


def _set_course_axes(drawn: go.Figure, outcome: Outcome, ceilings: Sequence[float], height: float) -> None:
    """The courses one below the other, each under its ceiling; both are parts of the height."""
    for number, (course, ceiling) in enumerate(zip(outcome.claim.courses, ceilings, strict=True)):
        axis = len(outcome.claim.metrics) + 1 + number
        drawn.layout[f"xaxis{axis}"] = {"anchor": f"y{axis}", "title": {"text": course.across}}
        drawn.layout[f"yaxis{axis}"] = {
            "anchor": f"x{axis}", "domain": [max(0.0, ceiling - height), ceiling], "title": {"text": course.upwards},
            "type": "log" if course.logarithmic else "linear",
        }  # fmt: skip
        if course.percent:
            drawn.layout[f"yaxis{axis}"].tickformat = ".0%"
        if number:  # the first one's title stands on the legend
            drawn.add_annotation(
                text=course.title, x=0, xref="paper", xanchor="left", y=ceiling, yref="paper", yanchor="bottom",
                yshift=8, font={"size": 15, "color": DAY.ink}, showarrow=False,
            )  # fmt: skip


def _reading_axis(metric: Metric, left: float, width: float) -> dict[str, object]:
    axis: dict[str, object] = {"domain": [left, left + width], "title": {"text": metric.title}, "nticks": 5}
    if metric.percent:
        axis["tickformat"] = ".0%"
    return axis | ({"type": "log", "dtick": None} if metric.logarithmic else {"rangemode": "tozero"})


def _variant_axis(outcome: Outcome, variants: Sequence[Variant], floor: float, labelled: bool) -> dict[str, object]:
    rows = list(range(len(variants)))
    return {
        "domain": [floor, 1], "range": [len(rows) - 0.5, -0.5], "tickvals": rows, "showticklabels": labelled,
        "ticktext": [as_label(outcome.label(variant)) for variant in variants], "zeroline": False, "ticks": "",
    }  # fmt: skip


def _mark_diverged(drawn: go.Figure, outcome: Outcome, metric: Metric, number: int) -> None:
    """Words at the right edge for what no axis can show."""
    for row, variant in enumerate(outcome.claim.variants):
        values = outcome.values[Reading(variant.name, metric.name)]
        if lost := sum(not math.isfinite(value) for value in values):
            text = _("diverged") if lost == len(values) else _("{lost} diverged").format(lost=lost)
            drawn.add_annotation(
                text=text, x=1, xref=f"x{number} domain" if number > 1 else "x domain", xanchor="right", y=row,
                yref=f"y{number}" if number > 1 else "y", font={"color": DAY.accent}, showarrow=False,
            )  # fmt: skip
