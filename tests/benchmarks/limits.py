"""The largest formulas that the default limits let in, a family each for what makes one large: time and memory.

    python -m tests.benchmarks.limits [--families sum,calls] [--outputs json,markdown]

Promised are 2 s plus 15 us a token, and 500 MB. Where sums, functions and derivatives write out more nodes than there
are tokens, a node counts as one. Every run is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.language.program import MAX_NODES
from backpropcli.language.tables import load
from backpropcli.language.tokens import tokenize

SECONDS, PER_TOKEN, MEGABYTES, GROWTH = 2.0, 15e-6, 500.0, 2.5
"""What is promised; growth is the factor for a formula of twice the size."""


class Family(NamedTuple):
    """Formulas of any size, by a count of what they repeat."""

    make: Callable[[int], str]
    full: int
    """The largest count, about, that the default limits let in."""
    point: Callable[[int], Mapping[str, float]] = lambda count: {"x": 0.5}


def _joined(template: str, sign: str = " + ") -> Callable[[int], str]:
    """The template as often as counted, with its number for `#`."""
    return lambda count: sign.join([template.replace("#", str(k)) for k in range(1, count + 1)])


def _around(before: str, after: str, inside: str = "x") -> Callable[[int], str]:
    return lambda count: before * count + inside + after * count


def _chain(first: str, link: str, last: str) -> Callable[[int], str]:
    """Statements, each over the one before: in a link `#` is its number, `@` the one before; in the last, all."""

    def make(count: int) -> str:
        links = [link.replace("@", str(k)).replace("#", str(k + 1)) for k in range(count)]
        return "\n".join([first, *links, last.replace("@", str(count))])

    return make


def _variables(count: int) -> dict[str, float]:
    return {f"x{k}": 1.0 + 1e-9 * k for k in range(1, count + 1)}


def _backwards(make: Callable[[int], str]) -> Callable[[int], str]:
    return lambda count: "\n".join(reversed(make(count).split("\n")))


def _after(statement: str, make: Callable[[int], str]) -> Callable[[int], str]:
    return lambda count: f"{statement}\n{make(count)}"


_DEFINITIONS = _chain("q0 = x", "q# = q@ + x", "q@")
_BINDINGS = _joined("x# = 1", ", ")
_PRODUCT = _joined("x#", "*")

LANGUAGE: Mapping[str, Family] = {
    "parentheses": Family(_around("(", ")"), 524_000),
    "minuses": Family(_around("-", ""), 199_000),
    "nots": Family(_around("not ", ""), 199_000),
    "calls": Family(_around("sin(", ")"), 199_000),
    "calls without brackets": Family(_around("sin ", ""), 199_000),
    "quotients": Family(_around("1/(1 + ", ")"), 99_900),
    "tower": Family(_around("x^", ""), 199_000),
    "sum": Family(_joined("#*x"), 66_400),
    "sum of calls": Family(_joined("sin(#*x)"), 49_900),
    "powers": Family(_joined("x^#"), 66_000),
    "calls with numbers": Family(_joined("max(x, -#)"), 49_900),
    "names side by side": Family(_joined("x x x²"), 90_000),
    "product of variables": Family(_PRODUCT, 99_900, _variables),
    "bars": Family(_joined("|x - #|"), 49_900),
    "bars in bars": Family(_around("|x - sin(", ")|"), 66_600),
    "function powers": Family(_joined("sin^2(#*x)"), 39_900),
    "many arguments": Family(_joined(f"max({', '.join(['x - 1', '#*x'] * 32)})"), 2_000),
    "conditions": Family(_joined("if(x > #, x, -x)"), 45_000),
    "choices in choices": Family(_around("x > 0 ? x*", " : 0", "1"), 74_000),
    "chained comparison": Family(_joined("x + #", " < "), 66_000),
    "logic": Family(_joined("x > #", " and "), 66_600),
    "bindings": Family(lambda count: f"{_BINDINGS(count)}\n{_joined('x#')(count)}", 50_000),
    "definitions": Family(_DEFINITIONS, 53_000),
    "definitions backwards": Family(_backwards(_DEFINITIONS), 53_000),
    "doublings": Family(_chain("q0 = x/2", "q# = (q@ + q@)/2", "q@"), 36_700),
    "outputs": Family(_joined("y# = #*x", "\n"), 62_000),
    "sum over an index": Family(lambda count: f"sum(sin(k*x), k, 1, {count})", 49_900),
    "product over an index": Family(lambda count: f"prod(1 + x/k^2, k, 1, {count})", 39_900),
    "definitions over an index": Family(lambda count: f"sum(z_k, k, 1, {count})\nz_k = sin(k*x)", 19_900),
    "sums in sums": Family(lambda count: f"sum(sum(sin(i + j*x), i, 1, 10), j, 1, {count})", 6_200),
    "uses of a function": Family(_after("f(t) = t*sin(t) + 1", _joined("f(#*x)")), 33_300),
    "uses of a large function": Family(_after(f"f(t) = {_joined('#*t^#')(100)}", _joined("f(x/#)")), 650),
    "functions of functions": Family(_chain("f0(t) = t", "f#(t) = f@(t)/2 + t", "f@(x)"), 37_500),
    "functions that double": Family(_chain("f0(t) = t", "f#(t) = (f@(t) + f@(t))/2", "f@(x)"), 28_300),
    "functions of moved arguments": Family(_chain("f0(t) = t", "f#(t) = (f@(t) + f@(t + 1))/2", "f@(x)"), 500),
    "derivatives": Family(_joined("diff(sin(#*x), x)"), 28_000),
    "a large derivative": Family(lambda count: f"diff({_joined('sin(#*x)')(count)}, x)", 28_000),
    "derivatives of a chain": Family(lambda count: f"{_DEFINITIONS(count)} + {_joined('diff(q#, x)')(count)}", 620),
    "derivatives by many": Family(
        lambda count: f"q = {_PRODUCT(count)}\n{_joined('diff(q, x#)')(count)}", 39_000, _variables
    ),
    "derivatives of derivatives": Family(_around("diff(", ", x)", "x^50*exp(2*x)"), 24),
    "derivatives in functions": Family(_after("f(t) = diff(sin(t)*exp(-t), t)", _joined("f(#*x)")), 18_000),
}

OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "json": ("eval", "--json"),
    "table": ("eval",),
    "markdown": ("eval", "--format", "markdown"),
    "latex": ("eval", "--format", "latex"),
    "csv": ("eval", "--format", "csv"),
    "elementary": ("eval", "--json", "--nodes", "elementary"),
    "steps": ("eval", "--json", "--nodes", "steps"),
    "steps in latex": ("eval", "--nodes", "steps", "--format", "latex"),
    "both modes": ("eval", "--json", "--mode", "both"),
    "order 2": ("eval", "--json", "--order", "2"),
    "order 5": ("eval", "--json", "--order", "5"),
    "partial": ("eval", "--json", "--partial", "x,x"),
    "hvp": ("eval", "--json", "--hvp", "x=1"),
    "hessian": ("eval", "--json", "--hessian"),
    "jacobian": ("eval", "--json", "--jacobian"),
    "diagnose": ("eval", "--json", "--diagnose"),
    "finite differences": ("eval", "--json", "--finite-differences"),
    "derive": ("derive",),
    "derive twice": ("derive", "--order", "2"),
}
WRITTEN = ("sum of calls", "definitions", "uses of a function")
"""The families that are measured with every output; the others as JSON."""


class Run(NamedTuple):
    """A formula through a command, in a process of its own."""

    family: str
    output: str
    tokens: int
    nodes: int
    exit_code: int
    seconds: float
    """Of CPU."""
    megabytes: float
    """Of memory, at the peak."""

    @property
    def allowed(self) -> float:
        """The seconds that are promised."""
        return SECONDS + PER_TOKEN * max(self.tokens, self.nodes)


def run(family: str, count: int, output: str) -> Run:
    """Write the formula and its point to files, and have the command read them."""
    text, point = LANGUAGE[family].make(count), LANGUAGE[family].point(count)
    command, *words = OUTPUTS[output]
    with tempfile.TemporaryDirectory() as folder:
        formula, values = Path(folder, "formula.txt"), Path(folder, "point.json")
        formula.write_text(text, encoding="utf-8")
        values.write_text(json.dumps(point), encoding="utf-8")
        at = ["--at", f"@{values}", "--allow-unused"] if command == "eval" else []
        code, seconds, megabytes = spent([command, "-f", str(formula), *at, *words])
    return Run(family, output, len(tokenize(text, load("formula"), point)), _nodes(text), code, seconds, megabytes)


def spent(words: Sequence[str]) -> tuple[int, float, float]:
    """The exit code, the seconds of CPU and the peak of memory, in MB, of a command."""
    # A small process starts it, since a child inherits the peak of the process that it is forked from.
    command = [sys.executable, "-c", _STARTER, sys.executable, "-m", "backpropcli", *words]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    root = Path(__file__).parent.parent.parent
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    code, seconds, kilobytes = ran.stdout.split()
    return int(code), float(seconds), float(kilobytes) / 1024


_STARTER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def _nodes(text: str) -> int:
    """How many nodes a formula has when all is written out; where they are too many, the limit."""
    try:
        return len(Formula(text, max_chars=None)._graph("gates").nodes)
    except BackpropError:
        return MAX_NODES


def rows(families: Sequence[str], outputs: Sequence[str]) -> Iterator[tuple[Run, Run]]:
    """Every family as JSON and some in every output, at half the full size and at the full one."""
    for output in outputs:
        for family in families:
            if output == "json" or family in WRITTEN:
                full = LANGUAGE[family].full
                yield run(family, full // 2, output), run(family, full, output)


def table(found: Iterator[tuple[Run, Run]]) -> Iterator[str]:
    """Lines to print, as the measurements come in; what breaks a promise is marked."""
    yield f"{'family':30}{'output':20}{'tokens':>10}{'nodes':>9}{'exit':>5}{'s':>7}{'allowed':>8}{'MB':>5}{'growth':>7}"
    for half, full in found:
        growth = full.seconds / half.seconds
        broken = full.seconds > full.allowed or full.megabytes > MEGABYTES or growth > GROWTH
        yield (
            f"{full.family:30}{full.output:20}{full.tokens:>10,}{full.nodes:>9,}{full.exit_code:>5}"
            f"{full.seconds:>7.2f}{full.allowed:>8.2f}{full.megabytes:>5.0f}{growth:>7.2f}{'  <' if broken else ''}"
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.limits", description=(__doc__ or "")[:109])
    parser.add_argument("--families", default=",".join(LANGUAGE), help="of " + ", ".join(LANGUAGE))
    parser.add_argument("--outputs", default=",".join(OUTPUTS), help="of " + ", ".join(OUTPUTS))
    asked = parser.parse_args()
    for line in table(rows(asked.families.split(","), asked.outputs.split(","))):
        print(line, flush=True)


if __name__ == "__main__":
    main()
