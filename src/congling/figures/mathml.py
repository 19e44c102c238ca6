r"""Formulas from LaTeX to MathML, which browsers draw by themselves: no script, no font, no library.

Only what the formulas of this package use is known: letters, numbers, scripts, fractions, roots, accents, fences,
``cases``, functions and symbols. A command that is not known stands in the formula as it was written.
``\allowbreak`` at the top level is where a long formula may go on in the next line.
"""

from __future__ import annotations

import math
import re
from html import escape

_TOKEN = re.compile(r"\\(?:text|operatorname|mathrm|mathbf|begin|end)\{[^{}]*\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
_NAMED = re.compile(r"\\(\w+)\{([^{}]*)\}")


def _pairs(names: str, symbols: str) -> dict[str, str]:
    return {f"\\{name}": symbol for name, symbol in zip(names.split(), symbols.split(), strict=True)}


_IDENTIFIERS = (
    _pairs("alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda", "α β γ δ ϵ ε ζ η θ κ λ")
    | _pairs("mu nu xi pi rho sigma tau phi varphi chi psi omega ell partial nabla", "μ ν ξ π ρ σ τ ϕ φ χ ψ ω ℓ ∂ ∇")
    | _pairs("Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega", "Γ Δ Θ Λ Ξ Π Σ Φ Ψ Ω")
    | _pairs("infty top dots ldots cdots", "∞ ⊤ … … ⋯")
)
_OPERATORS = (
    _pairs("cdot times odot circ pm ast leftarrow to rightarrow Rightarrow", "⋅ × ⊙ ∘ ± ∗ ← → → ⇒")
    | _pairs("le leq ge geq ne neq approx in equiv propto sim mid colon bmod", "≤ ≤ ≥ ≥ ≠ ≠ ≈ ∈ ≡ ∝ ∼ | : mod")
    | {"-": "−", "*": "∗", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
    | {plain: plain for plain in "+=,;:/!"}
)
_FENCES = (
    _pairs("{ } | lvert rvert vert lVert rVert Vert lfloor rfloor langle rangle", "{ } ‖ | | | ‖ ‖ ‖ ⌊ ⌋ ⟨ ⟩")
    | {fence: fence for fence in "()[]|"}
    | {".": ""}
)
_LARGE = _pairs("sum prod int", "∑ ∏ ∫")
_ACCENTS = _pairs("hat bar overline tilde vec", "^ ¯ ¯ ~ →")
_LIMITS = {"max", "min", "sup", "inf", "lim", "argmax", "argmin"}
_FUNCTIONS = {"sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "ln", "arg", "det", "erf"} | _LIMITS
_SPACES = {"\\,": ".17em", "\\:": ".22em", "\\;": ".28em", "\\ ": ".33em", "\\quad": "1em", "\\qquad": "2em"}
_SILENT = {"\\!", "\\displaystyle", "\\textstyle", "\\big", "\\Big", "\\bigl", "\\bigr", "\\Bigl", "\\Bigr"}
_BREAK = "\\allowbreak"


def mathml(latex: str, *, display: bool = False) -> str:
    """The formula as ``<math>``; with ``\\allowbreak`` several of them, between which a browser may break the line."""
    style = ' display="block"' if display else ""
    return "<wbr>".join(f"<math{style}>{part}</math>" for part in _Reader(latex).parts())


def latex_number(value: float, digits: int) -> str:
    """A number in LaTeX to so many significant digits; an exact one has no zeros at its end: 0.25, −3, 1.2 × 10⁻⁷."""
    if not math.isfinite(value):
        return r"\text{NaN}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    value += 0.0  # minus zero is zero
    mantissa, _letter, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -4 < power < 7:
        return _without_zeros(f"{value:.{max(digits - 1 - power, 0)}f}", value)
    return rf"{_without_zeros(mantissa, value / 10.0**power)} \times 10^{{{power}}}"


def _without_zeros(text: str, value: float) -> str:
    """Zeros at the end say how exact a rounded number is; an exact one (to single precision) needs none."""
    return text.rstrip("0").rstrip(".") if _is(value, text) and "." in text else text


def shows_exactly(value: float, digits: int) -> bool:
    """Whether ``latex_number`` shows the number as it is, to the precision of single-precision weights."""
    return _is(value, f"{value:.{digits - 1}e}")


def _is(value: float, text: str) -> bool:
    return math.isclose(float(text), value, rel_tol=1e-7)


class _Reader:
    """Reads one formula's tokens from left to right; its methods give the MathML of what they have read."""

    def __init__(self, latex: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.place = 0
        self.after_operand = False  # so that a minus joins two terms, or else is a sign

    def parts(self) -> list[str]:
        """The formula's parts between ``\\allowbreak``."""
        found = [""]
        while self.place < len(self.tokens):
            if self._next() == _BREAK:
                self._take()
                found.append("")
            else:
                found[-1] += self._scripted()
        return found

    def _next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.place += 1
        return token

    def _row(self, *ends: str) -> str:
        """Everything up to one of these tokens (or the formula's end) as one element; the end is left to be read."""
        self.after_operand, row = False, []
        while self.place < len(self.tokens) and self._next() not in ends:
            row.append(self._scripted() if self._next() != _BREAK else self._take()[:0])
        self.after_operand = True
        return row[0] if len(row) == 1 else f"<mrow>{''.join(row)}</mrow>"

    def _argument(self) -> str:
        """What a command or a script takes: a group in braces, or one token."""
        if self._next() != "{":
            return self._atom()
        self._take()
        group = self._row("}")
        self._take()
        return group

    def _scripted(self) -> str:
        """An atom with what hangs below, above or behind it."""
        token = self._next()
        base, operand = self._atom(), self.after_operand
        below, above = "", ""
        while self._next() in ("_", "^", "'"):
            match self._take():
                case "_":
                    below = self._argument()
                case "^":
                    above = self._argument()
                case _:
                    above += "<mo>′</mo>"
        if above.startswith("<mo>′</mo><mo>"):
            above = f"<mrow>{above}</mrow>"
        self.after_operand = operand
        name = _NAMED.fullmatch(token)
        limits = token in _LARGE or (name[2] if name else token[1:]) in _LIMITS
        return _with_scripts(base, below, above, limits) + self._gap(token)

    def _gap(self, token: str) -> str:
        """A thin space between a function and an argument that has no fence: ln p, but ln(p)."""
        is_function = token[1:] in _FUNCTIONS or token.startswith("\\operatorname")
        argument = self._next()
        if is_function and argument and argument not in _FENCES and argument not in ("\\left", "}", "&", "\\!"):
            return '<mspace width=".17em"/>'
        return ""

    def _atom(self) -> str:
        token = self._take()
        if named := _NAMED.fullmatch(token):
            return self._environment(named[2]) if named[1] == "begin" else self._operand(_named(named[1], named[2]))
        if token == "{":
            self.place -= 1
            return self._argument()
        if token in ("\\frac", "\\tfrac", "\\dfrac"):
            return self._operand(f"<mfrac>{self._argument()}{self._argument()}</mfrac>")
        if token == "\\sqrt":
            return self._operand(f"<msqrt>{self._argument()}</msqrt>")
        if token in _ACCENTS:
            return self._operand(f'<mover accent="true">{self._argument()}<mo>{_ACCENTS[token]}</mo></mover>')
        if token == "\\left":
            return self._fenced()
        return self._symbol(token)

    def _symbol(self, token: str) -> str:
        if token in _SILENT:
            return ""
        if token in _SPACES:
            return f'<mspace width="{_SPACES[token]}"/>'
        if token in _FENCES and token != ".":
            return self._fence(token)
        if token in _OPERATORS:
            return self._operator(_OPERATORS[token])
        if token in _LARGE:
            self.after_operand = False
            return f'<mo movablelimits="true">{_LARGE[token]}</mo>'
        if token in _IDENTIFIERS:
            return self._operand(f"<mi>{_IDENTIFIERS[token]}</mi>")
        if token[1:] in _FUNCTIONS:
            self.after_operand = False
            return f"<mi>{token[1:]}</mi>"
        if token[0].isdigit():
            return self._operand(f"<mn>{token}</mn>")
        if len(token) == 1:
            return self._operand(f"<mi>{escape(token)}</mi>")
        return self._operand(f'<mtext class="unknown">{escape(token)}</mtext>')

    def _operand(self, element: str) -> str:
        self.after_operand = True
        return element

    def _operator(self, symbol: str) -> str:
        form = "" if symbol not in "+−±" else ' form="infix"' if self.after_operand else ' form="prefix"'
        self.after_operand = symbol == "!"
        return f"<mo{form}>{symbol}</mo>"

    def _fence(self, token: str) -> str:
        symbol = _FENCES[token]
        opens = symbol in "([{⟨⌊" or (symbol in "|‖" and not self.after_operand)
        self.after_operand = not opens
        return f'<mo form="{"prefix" if opens else "postfix"}" stretchy="false">{symbol}</mo>'

    def _fenced(self) -> str:
        """``\\left( … \\right)``: fences that are as tall as what they hold."""
        left = _FENCES[self._take()]
        inside = self._row("\\right")
        self._take()
        right = _FENCES[self._take()]
        return self._operand(
            f'<mrow><mo form="prefix" stretchy="true">{left}</mo>{inside}'
            f'<mo form="postfix" stretchy="true">{right}</mo></mrow>'
        )

    def _environment(self, name: str) -> str:
        """``cases``: rows with a brace before them; any other environment is a table without one."""
        rows, ends = [""], ("&", "\\\\", rf"\end{{{name}}}")
        while True:
            rows[-1] += f'<mtd style="text-align:left">{self._row(*ends)}</mtd>'
            end = self._take()
            if end == "\\\\":
                rows.append("")
            elif end != "&":
                break
        brace = '<mo form="prefix" stretchy="true">{</mo>' if name == "cases" else ""
        table = "".join(f"<mtr>{row}</mtr>" for row in rows)
        return self._operand(f"<mrow>{brace}<mtable>{table}</mtable></mrow>")


def _named(command: str, text: str) -> str:
    """``\\text`` keeps its spaces; a name of several letters is upright by itself, a single letter is told to be."""
    if command == "text":
        return f"<mtext>{escape(text).replace(' ', chr(0xA0))}</mtext>"
    upright = ' mathvariant="normal"' if len(text) == 1 else ""
    return f"<mi{upright}>{escape(text)}</mi>"


def _with_scripts(base: str, below: str, above: str, limits: bool) -> str:
    """Scripts beside the base, or as limits below and above it."""
    under, over, both = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
    if below and above:
        return f"<{both}>{base}{below}{above}</{both}>"
    if below:
        return f"<{under}>{base}{below}</{under}>"
    return f"<{over}>{base}{above}</{over}>" if above else base
