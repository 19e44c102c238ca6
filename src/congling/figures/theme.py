"""Colours and fonts of everything that is looked at, by day and by night.

The scales can be told apart by colour-blind readers and in grey: the sequential ones change steadily in lightness, the
diverging ones go from orange to blue. Characters of Chinese come from the first font of a stack that has them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

SANS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", '
    '"Noto Sans CJK SC", "Source Han Sans SC", sans-serif'
)
SERIF = (
    '"Iowan Old Style", "Palatino Linotype", Palatino, Georgia, "Noto Serif", "DejaVu Serif", "Songti SC", '
    '"Noto Serif CJK SC", "Source Han Serif SC", SimSun, serif'
)
MONO = (
    'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", "PingFang SC", "Microsoft YaHei", '
    '"Noto Sans Mono CJK SC", "Noto Sans CJK SC", monospace'
)


@dataclass(frozen=True)
class Palette:
    """The colours of a page.

    Attributes:
        paper, surface: behind everything, and of what lies on it.
        ink, muted: of text, and of text that is read second; both readable on paper and surface (WCAG AA).
        line: of hairlines.
        accent: of the one thing that is chosen; readable as text too. ``accent_ink`` is text on it.
        quiet: of bars that are not chosen.
        sequential: from nothing to much.
        diverging: from negative through zero to positive.
        categories: of series and classes, the ones that are easiest to tell apart first.
    """

    paper: str
    surface: str
    ink: str
    muted: str
    line: str
    accent: str
    accent_ink: str
    quiet: str
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]
    categories: tuple[str, ...]


DAY = Palette(
    paper="#faf8f4",
    surface="#ffffff",
    ink="#1b1f27",
    muted="#5b6270",
    line="#e2ddd3",
    accent="#b3341f",
    accent_ink="#ffffff",
    quiet="#71879e",
    sequential=("#f3f1ec", "#cfdfe6", "#94bfd3", "#4f94b8", "#22648f", "#0e3a60"),
    diverging=("#9a4a06", "#dc9550", "#f5efe4", "#6fa6cf", "#1d5488"),
    categories=("#1f5f99", "#c4650f", "#23805a", "#8a4a9c", "#b8325a", "#7a6230", "#2b8fa8"),
)
NIGHT = Palette(
    paper="#13161b",
    surface="#1b1f26",
    ink="#eceae5",
    muted="#a0a8b5",
    line="#2f3540",
    accent="#ff8f6b",
    accent_ink="#1b1009",
    quiet="#5d7186",
    sequential=("#22272f", "#24435a", "#28688a", "#3f97bb", "#84c8e0", "#e2f6ff"),
    diverging=("#ffb870", "#a8662c", "#22272f", "#2f6f9f", "#8fd0ff"),
    categories=("#7cbcf0", "#ffaa61", "#69cfa1", "#d5a3e6", "#ff8fae", "#d0b57c", "#7bd6ea"),
)


def style_variables() -> str:
    """The palettes as CSS: by day, by night where the system asks for it, or by ``data-theme`` on the root."""
    fonts = f"--sans:{SANS};--serif:{SERIF};--mono:{MONO};"
    day, night = _variables(DAY) + "color-scheme:light;", _variables(NIGHT) + "color-scheme:dark;"
    return (
        f":root{{{fonts}{day}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=day]){{{night}}}}}\n"
        f"@media screen{{:root[data-theme=night]{{{night}}}}}\n"
    )


def _variables(palette: Palette) -> str:
    values = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in asdict(palette).items()}
    return "".join(f"--{name.replace('_', '-')}:{value};" for name, value in values.items())
