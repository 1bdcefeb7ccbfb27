"""What it costs to read LaTeX: the lectures' formulas one by one, formulas of any size, and documents."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backpropcli.errors import BackpropError
from backpropcli.language.documents import mathematics
from backpropcli.language.program import build, read
from tests.benchmarks.phases import timed
from tests.benchmarks.sizes import Sizes

CASES = Path(__file__).parents[1] / "cases" / "lectures.json"
BAR = 1e-3
"""Seconds for a formula of a slide."""

FAMILIES: Mapping[str, Callable[[int], str]] = {
    "sum": lambda count: " + ".join([f"{k} x_{{{k % 10}}}" for k in range(1, count + 1)]),
    "fractions": lambda count: " + ".join([rf"\frac{{{k}}}{{x + {k}}}" for k in range(1, count + 1)]),
    "nested": lambda count: r"\frac{1}{1 + " * count + "x" + "}" * count,
    "aligned": lambda count: (
        r"\begin{aligned} q_0 &= x \\ "
        + "".join([rf"q_{{{k}}} &= q_{{{k - 1}}} + x \\ " for k in range(1, count + 1)])
        + r"\end{aligned}"
    ),
}
DOCUMENTS: Mapping[str, Callable[[int], str]] = {
    "markdown": lambda count: "Some words, and $x^2$.\n\n$$y = 2x$$\n\n" * (count // 2),
    "latex": lambda count: "Some words, and $x^2$.\n\\begin{equation}\ny = 2x\n\\end{equation}\n" * (count // 2),
}


def formula_rows(repeats: int = 20) -> Iterator[dict[str, Any]]:
    """Seconds to read and build each formula of the lectures, the quickest of some runs."""
    for case in json.loads(CASES.read_text(encoding="utf-8")):
        text, point = case["latex"], case["point"]

        def work(text: str = text, point: Mapping[str, float] = point) -> None:
            try:
                build(read(text, point, structure=point, syntax="latex"))
            except BackpropError:
                return

        yield {"latex": text, "seconds": timed(work, repeats)[0]}


def size_rows(sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Seconds to read and build formulas of so many terms, and to find so many formulas in documents."""
    for name, make in FAMILIES.items():
        for size in sizes:
            text = make(size)
            seconds, program = timed(lambda text=text: read(text, syntax="latex", max_chars=None), 1)
            built, _ = timed(lambda program=program: build(program, max_nodes=None), 1)
            yield {"what": name, "size": size, "read": seconds, "built": built}
    for kind, make in DOCUMENTS.items():
        for size in sizes:
            text = make(size)
            seconds, _ = timed(lambda text=text, kind=kind: mathematics(text, kind), 1)
            yield {"what": f"document in {kind}", "size": size, "read": seconds, "built": None}


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """The formulas of the lectures, and then the large ones."""
    yield from formula_rows(4 * sizes.repeats if sizes.repeats > 1 else 1)
    yield from size_rows([nodes for nodes in sizes.nodes if nodes <= sizes.large])


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    formulas = [row for row in found if "latex" in row]
    sizes = [row for row in found if "what" in row]
    seconds = [row["seconds"] for row in formulas]
    slowest = max(formulas, key=lambda row: float(row["seconds"]))
    yield f"Reading a formula of the lectures, {len(seconds)} of them; at most {1e3 * BAR:.0f} ms"
    yield f"median {1e3 * statistics.median(seconds):.2f} ms, most {1e3 * max(seconds):.2f} ms: {slowest['latex'][:60]}"
    yield ""
    yield f"{'LaTeX':<22}{'size':>9}{'read s':>9}{'build s':>9}"
    for row in sizes:
        built = "" if row["built"] is None else f"{row['built']:>9.2f}"
        yield f"{row['what']:<22}{row['size']:>9,}{row['read']:>9.2f}{built}"
