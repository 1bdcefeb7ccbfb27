"""What a text says is equal, compared at a point: the members of a chain such as f(z) = tanh(z) = (e^z - ...)/..."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backpropcli.errors import BackpropError, visible
from backpropcli.language.program import Derive, Program, equations_graph
from backpropcli.language.reading import number_text
from backpropcli.passes.evaluate import plain, setting
from backpropcli.passes.examine import Finding
from backpropcli.passes.sweeps import linearize

_WIDTH = 60
# Two formulas for one value are computed in two ways, each with its roundings.
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12


def findings(
    program: Program, point: Mapping[str, Any], *, max_nodes: int | None, max_bytes: int | None, derive: Derive | None
) -> list[Finding]:
    """What is not equal at this point though the text says so, and what could not be compared."""
    found: list[Finding] = []
    for equation in program.equations:
        statement = program.statements[equation.of]
        span = equation.member.span
        written = _cut(program.text[span.start : span.end])
        name = statement.name or "the value"
        graph = equations_graph(program, equation, max_nodes=max_nodes, derive=derive)
        missing = None if graph is None else next((each for each in graph.variables if each not in point), None)
        if graph is None or missing is not None:
            why = f"{missing} has no value" if missing is not None else f"{name} is evaluated where it is called"
            found.append(Finding("note", -1, "unchecked", f"not compared: {name} = {written}, since {why}"))
            continue
        try:
            scene = setting(graph, point, text=program.text, max_nodes=max_nodes, max_bytes=max_bytes)
            with scene.quietly():
                given = {each: point[each] for each in graph.variables}
                trace = linearize(graph if not scene.arrays else scene.graph, scene.algebra, scene.inputs(given), ())
                first, second = [plain(trace.values[i]) for i in trace.graph.outputs]
        except BackpropError as problem:
            found.append(Finding("note", -1, "unchecked", f"not compared: {name} = {written}; {problem.message}"))
            continue
        if not _equal(first, second, equation.decimals):
            other = written if equation.decimals is not None else f"{written}, which is {_shown(second)}"
            message = f"{name} is {_shown(first)} here, and not equal to {other}"
            found.append(Finding("warning", -1, "unequal", message))
    for span in program.claims:
        written = _cut(program.text[span.start : span.end])
        found.append(Finding("note", -1, "unchecked", f"not checked, since it is about a derivative: {written}"))
    return found


def _cut(text: str) -> str:
    return visible(" ".join(text.split()), _WIDTH)


def _shown(value: Any) -> str:
    return number_text(float(f"{value:.6g}")) if isinstance(value, float) else _cut(str(value))


def _equal(first: Any, second: Any, decimals: int | None) -> bool:
    """Whether two values are equal but for roundings; a number that is written with decimals is one that is rounded."""
    pending = [(first, second)]
    while pending:
        a, b = pending.pop()
        if isinstance(a, list) or isinstance(b, list):
            if not isinstance(a, list) or not isinstance(b, list) or len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
            continue
        size = max(abs(a), abs(b))
        allowed = _RELATIVE * size + _ABSOLUTE
        if decimals is not None:
            allowed = max(allowed, 0.5000001 * 10.0**-decimals)
        if not abs(a - b) <= allowed and a != b:
            return False
    return True
