"""The parts of docs/latex.md that the program writes: readings, notes, refusals, commands and the grammar.

Each stands between `<!-- name: ... -->` and `<!-- end -->`; what is around them is written by hand. `python -m
tests.reference` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from backpropcli import BackpropError, Formula
from backpropcli.language import latex_commands as commands
from tests.reference import DOCS, _code, _grammar, _plain, _shown, _table

PAGE = DOCS / "latex.md"
_PART = re.compile(r"(?P<mark><!-- (?P<name>\w+): .*? -->\n).*?(?P<end><!-- end -->)", re.S)

READINGS = {
    "Products, fractions, powers": [
        "2xy",
        "w_0x_0 + w_1x_1",
        r"(x + y)z",
        r"x \cdot y \times z",
        r"\frac{1}{2}x",
        r"x^\frac12",
        "-x^2",
        r"1.5 \cdot 10^{-7}x",
        r"e^{-x}",
        r"\sqrt{x} + \sqrt[3]{x}",
        r"\left\{ \left[ x + 1 \right] y \right\}",
    ],
    "Names": [
        r"\theta_1 + \theta_{1}",
        r"w_{11} + w_{1,2}",
        r"W_{11}^{(1)}x_1",
        r"\hat{y} - \bar{x}_i",
        "y^*",
        "x'",
        r"\mathbf{x} + \boldsymbol{\theta}",
        r"\Delta W^{(l)}",
        r"\mathrm{loss} + x_{\text{max}}",
        r"\varepsilon + \ell",
        r"\mathit{long\_name}",
    ],
    "Functions": [
        r"\sigma(x)",
        r"\log y",
        r"\ln xy",
        r"\sin 2x \cos y",
        r"\sin^2 x + \sin^{-1}(x)",
        r"\log_2 x",
        r"\max(0, z)",
        r"\operatorname{relu}(x) + \mathrm{ReLU}(x)",
        r"xlog(x)",
        r"|x| + \left|x\right| + \lfloor x \rfloor",
        r"\|x\|^2",
        "n!",
        r"\operatorname{sum}(A, \mathrm{axis} = 0)",
    ],
    "Sums, cases, arrays": [
        r"\sum_{i=1}^{3} a_i b_i + c",
        r"\prod^{3}_{k=1} (x - k)",
        r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"(x, y) \begin{pmatrix} a, b \\ c, d \end{pmatrix}",
        r"A^T @ b",
        r"a \odot b",
    ],
    "Definitions": [
        "f(x, y, z) = (x + y)z",
        r"q = x + y \quad f = qz",
        r"x = -2, y = 5, z = -4; (x + y)z",
        r"\begin{aligned} a &= xy \\ b &= a \\ &\quad + 1 \end{aligned}",
        r"\text{Let } a = x, \text{ then } b = a^2.",
        "Let $a = x$, then $b = a^2$.",
        r"\boxed{f(x) = e^x} \rightarrow \frac{df}{dx} = e^x",
        r"\theta := \theta - \alpha g",
        r"x_0: [2] \times [0.2] = 0.4",
        r"h(x) = a = \tanh(z), \quad z = wx",
        r"q = 2x \quad f = q^2 \quad q = 2x",
        r"a = xy, \frac{\partial z}{\partial x} = a, \frac{\partial^2 z}{\partial x \, \partial y} = x",
    ],
}
NOTES: list[tuple[str, dict[str, float]]] = [
    (r"f(z) = \tanh(z) = \frac{e^z - e^{-z}}{e^z + e^{-z}}", {"z": 0.7}),
    (r"f(z) = \tanh(z) = \frac{1}{z}", {"z": 0.7}),
    ("o = 1/i = 0.02", {"i": 49.982}),
    ("o = 1/i = 0.03", {"i": 49.982}),
    (r"\sigma(x) \approx 0.73", {"x": 1}),
    (r"\sin x \approx x", {"x": 0.3}),
    (r"f(x) = x^2, \frac{df}{dx} = 2x", {"x": 3}),
    (r"f(x) = x^2, f'(x) = 3x", {"x": 3}),
    (r"f = qz, q = x + y, \frac{\partial f}{\partial q} = z", {"x": 1, "y": 2, "z": 5}),
    (r"J = y^2, y = 3a, \frac{dJ}{da} = \frac{dJ}{dy} \frac{dy}{da}", {"a": 2}),
    (r"f(x) = x^3, \frac{d^2 f}{dx^2}", {"x": 3}),
    (r"f(x) = x^3, \frac{dg}{dx} = e^x", {"x": 0}),
    (r"\frac{d\sigma(x)}{dx} = (1 - \sigma(x)) \sigma(x)", {"x": 1}),
]
"""What is said beside a formula, at a point; what becomes of it, the program says."""

REFUSED = [
    "1/2x",
    "x^2^3",
    "{a + b}c",
    r"\log{x + 1}",
    r"\mathbf{x} + x",
    r"\frac{dy}{dx} = \frac{dy}{du} \frac{du}{dx}",
    r"\sum_{j} x_j",
    r"x_1 + \dots + x_n",
    r"f(2)",
    r"\fraq{1}{x}",
    r"\left( x + 1",
    r"\frac{1}",
    r"x \text{ if } x > 0",
    r"\int x",
    r"\mathbb{E}[x]",
    r"\input{secret}",
    r"\write18{ls}",
    r"\def\x{y}",
    "y = $x^2$",
    "1,000x",
    r"5\% x",
]
"""What is refused; how that is said, the program says."""


def readings() -> Iterator[str]:
    """Tables of what is written and how it is read."""
    for title, texts in READINGS.items():
        yield f"\n### {title}\n\n"
        rows = [(_code(text), _code(Formula(text, syntax="latex").reading)) for text in texts]
        yield from _table(("written", "read as"), rows)
    yield "\n"


def notes() -> Iterator[str]:
    """What is said of equalities and derivatives beside a formula."""
    rows: list[tuple[str, ...]] = []
    for text, point in NOTES:
        report = Formula(text, variables=point, syntax="latex").at(point)
        said = "; ".join([f"{note.severity}: {note.message}" for note in report.notes]) or "nothing: they are equal"
        at = ", ".join([f"{name} = {number:g}" for name, number in point.items()])
        rows.append((_code(text), at, _plain(said)))
    yield "\n"
    yield from _table(("written", "at", "what is said"), rows)
    yield "\n"


def refused() -> Iterator[str]:
    """What is refused, with the way out."""
    yield "\n"
    yield from _table(("written", "what is said"), [(_code(text), _plain(_refusal(text))) for text in REFUSED])
    yield "\n"


def _refusal(text: str) -> str:
    try:
        Formula(text, syntax="latex")
    except BackpropError as problem:
        return f"{problem.message}; {problem.hint}"
    raise ValueError(f"{text} is not refused")


def commands_read() -> Iterator[str]:
    """Every command that means something."""
    meanings: dict[str, list[str]] = {}
    for name, (_, sign) in commands.SIGNS.items():
        meanings.setdefault(sign, []).append(name)
    rows = [
        ("letters", _listed(commands.GREEK)),
        ("functions", _listed(commands.FUNCTIONS)),
        ("functions and names in words", _listed(commands.WORDS)),
        ("accents", _listed(commands.ACCENTS)),
        ("fonts", _listed(commands.FONTS)),
        ("fractions, roots, sums", _listed([*commands.FRACTIONS, "sqrt", "sum", "prod"])),
        *[(f"signs: {_code(sign)}", _listed(names)) for sign, names in meanings.items()],
        ("the end of a statement", _listed([name for name in commands.ENDS if name.isalpha()])),
        ("brackets", _listed([sign[1:] for sign in (*commands.OPENING, *commands.CLOSING, *commands.BARS)])),
        ("sizes, spaces, styles: without a meaning", _listed([name for name in commands.IGNORED if name.isalpha()])),
        ("environments of lines", _environments(commands.LINES)),
        ("environments of arrays", _environments(commands.MATRICES)),
        ("environments of cases", _environments(commands.CASES)),
    ]
    yield "\n"
    yield from _table(("what", "commands"), rows)
    yield "\n"


def _listed(names: object) -> str:
    found = sorted({name for name in names if name.strip("*").isalpha()}, key=lambda name: (name.lower(), name))  # type: ignore[attr-defined]
    return " ".join([_code(f"\\{name}") for name in found])


def _environments(names: frozenset[str]) -> str:
    return " ".join([_code(name) for name in sorted(names) if not name.endswith("*")])


def rules() -> Iterator[str]:
    """The grammar's comments with its rules."""
    for comment, lines in _grammar("latex.lark"):
        if comment and lines:
            yield f"\n{_plain(' '.join(comment.split()))}\n\n```text\n{_shown(lines)}\n```\n"
    yield "\n"


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "readings": readings,
    "notes": notes,
    "refused": refused,
    "commands": commands_read,
    "grammar": rules,
}


def page() -> str:
    """The page with its parts as they are now."""

    def written(match: re.Match[str]) -> str:
        return f"{match['mark']}{''.join(PARTS[match['name']]())}{match['end']}"

    return _PART.sub(written, PAGE.read_text(encoding="utf-8"))
