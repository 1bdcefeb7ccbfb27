"""Where a formula loses digits, overflows, saturates or forgets its inputs at this point, node by node.

Everything is read from one trace, in a few sweeps over it: linear in the graph. What is said is an estimate to first
order, of the size of errors and not of their sign.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras.floats import Floats
from backpropcli.errors import BackpropError
from backpropcli.graph import CONSTANT, STEP
from backpropcli.passes.advice import BETTER, DIGITS, better_form
from backpropcli.passes.examine import Examination
from backpropcli.passes.rounding import EPS, TINY, rounding
from backpropcli.passes.sweeps import Trace
from backpropcli.records import NamedTuple

FULL = -math.log10(EPS / 2)
"""The digits of a double: 15.95."""
LOST = 3.0
"""Digits lost at one node before it is mentioned: fewer are lost in any long sum."""
HALF = 8.0
"""Digits left below which it is a warning: single precision has 7."""
HUGE, SMALL = 1e300, 1e-300
"""A factor of 1e8 from the ends of the range, 1.8e308 and 2.2e-308: the next square root or product crosses them."""
VANISHING, EXPLODING = 1e-6, 1e6
"""Factors along a path beyond which a step of gradient descent does nothing, or throws everything away."""
GATES = 3
"""Factors that have to have a part in it: one of 1e-7 is a unit of measurement, three are a habit."""
PART = 2.0
"""A factor has a part in it where it doubles or halves."""
SATURATED = 1e-4
"""The slope of a gate that has stopped to respond: the sigmoid's at 9.2, where it is 1 to four digits."""
ILL = 1e8
"""The condition of an input by which half of its digits are gone."""
MOST = 100
"""Findings that are reported; how many there are besides is told."""

_FLAT = {"both": "saturated", "one": "dead"}
"""What a gate is called that does not respond, by where the table says that this happens."""


class Finding(NamedTuple):
    """One thing that is amiss."""

    kind: str
    """not_finite, overflow, underflow, near_overflow, near_underflow, cancellation, amplification, saturated, dead,
    vanishing, exploding, ill_conditioned."""
    severity: str
    """"warning" or "note"."""
    node: int
    message: str
    value: float
    """The number that it is about: digits lost, a value, a slope, a factor, a condition."""
    hint: str | None = None
    about: tuple[int, ...] = ()
    """The nodes that stand in the message as {0}, {1} ... until it is known that the finding is reported."""


class Digits(NamedTuple):
    """How an operation treats the digits of what comes in."""

    node: int
    condition: float
    """By how much it magnifies a relative change of its inputs."""
    lost: float
    """Its logarithm: the digits that it would lose of inexact inputs."""
    kept: float
    """The digits of its value that are right, after all rounding so far."""


class Input(NamedTuple):
    """What becomes of a variable on its way to the output."""

    condition: float
    """|x f'(x) / f(x)|."""
    largest: float
    """The product of local derivatives along the path where it is largest in size."""
    smallest: float


class Diagnosis(NamedTuple):
    """Everything that is known about the numbers of one evaluation."""

    findings: list[Finding]
    more: int
    """Findings that are left out."""
    digits: list[Digits]
    inputs: dict[str, Input]


def diagnose(examination: Examination, adjoints: Sequence[float | None], wrt: Collection[str]) -> Diagnosis:
    """What is amiss at this point, first what has no value, then node by node, then what is about whole paths.

    In the trace every variable is active, since all of them carry errors; `wrt` are those whose paths are looked at.
    """
    trace = examination.trace
    errors = _errors(trace)
    digits = _digits(examination, errors)
    paths = _paths(trace)
    inputs = {name: found for name, found in _inputs(trace, adjoints, paths).items() if name in wrt}
    found = _not_finite(examination)
    seen = {finding.node for finding in found}
    by_node = [
        *[finding for finding in _sizes(examination) if finding.node not in seen],
        *_losses(examination, digits, errors),
    ]
    seen |= {finding.node for finding in by_node if finding.kind == "underflow"}
    by_node += [finding for finding in _flat(trace, adjoints) if finding.node not in seen]
    found += sorted(by_node, key=lambda finding: finding.node)
    found += _along_paths(trace, paths, inputs)
    found += _ill_conditioned(trace, inputs)
    kept = [_written(examination, finding) for finding in found[:MOST]]
    return Diagnosis(kept, len(found) - len(kept), list(digits.values()), inputs)


# Values


def _not_finite(examination: Examination) -> list[Finding]:
    """The first value that is not finite, in the words of the error that it is without --ieee."""
    first = examination.first_not_finite()
    try:
        overflowed = examination.value_findings(ieee=False)
    except BackpropError as problem:
        node = -1 if first is None else first
        value = math.nan if first is None else examination.trace.values[first]
        return [Finding("not_finite", "warning", node, problem.message, value, problem.hint)]
    values = examination.trace.values
    return [Finding("overflow", "warning", each.node, each.message, values[each.node]) for each in overflowed]


def _sizes(examination: Examination) -> list[Finding]:
    """Values near the ends of the range, and those that fell out of it below."""
    trace = examination.trace
    found = []
    for i, (op, args, _) in enumerate(trace.graph.nodes):
        value = trace.values[i]
        if not args or op == STEP or not examination.reach.needed[i] or not math.isfinite(value):
            continue
        if value == 0.0:
            if _underflows(examination, i):
                message = "{0} underflows to 0: its value is smaller than a double holds (4.9e-324)"
                found.append(Finding("underflow", "warning", i, message, value, about=(i,)))
        elif abs(value) > HUGE:
            message = f"{{0}} is {value:.6g}, near the largest double (1.8e308)"
            found.append(Finding("near_overflow", "note", i, message, value, about=(i,)))
        elif abs(value) < SMALL:
            message = f"{{0}} is {value:.6g}, where doubles end (2.2e-308) and digits go"
            found.append(Finding("near_underflow", "note", i, message, value, about=(i,)))
    return found


def _underflows(examination: Examination, i: int) -> bool:
    """Whether a value is 0 by underflow: a product with a factor 0, or 0 to a power, is not."""
    op, args, _ = examination.graph.nodes[i]
    values = examination.trace.values
    if values[i] != 0.0 or op == STEP or not all([math.isfinite(values[j]) for j in args]):
        return False
    nonzero = primitives.TABLE[op].nonzero
    return nonzero is not None and bool(examination.condition(i, nonzero))


# Digits


def _errors(trace: Trace[float]) -> list[float]:
    """How far every value may be off, inputs being exact: what is inherited, and the rounding of its own."""
    values = trace.values
    errors: list[float] = []
    for i, (op, args, _) in enumerate(trace.graph.nodes):
        if not args:
            errors.append(0.0)
            continue
        total = 0.0 if op == STEP else _own(op, [values[j] for j in args], values[i])
        for k, j in enumerate(args):
            if errors[j]:
                slope = _slope(trace, i, k)
                total += abs(slope) * errors[j] if slope else 0.0
        errors.append(math.inf if math.isnan(total) else total)
    return errors


def _own(op: str, inputs: Sequence[float], value: float) -> float:
    """The rounding of one operation; that of a sum is known."""
    if op in ("add", "sub") and math.isfinite(value):
        a, b = inputs[0], inputs[1] if op == "add" else -inputs[1]
        back = value - a
        return abs((a - (value - back)) + (b - back))
    return rounding(op, value)


def _slope(trace: Trace[float], i: int, k: int) -> float | None:
    """The local derivative, of what no variable is in too."""
    op, args, _ = trace.graph.nodes[i]
    if trace.active[args[k]] or op == STEP:
        slope: float | None = trace.partials[i][k]
        return slope
    rule = Floats().partial(op, k, len(args))
    return None if rule is None else rule([*[trace.values[j] for j in args], trace.values[i]])


def _digits(examination: Examination, errors: Sequence[float]) -> dict[int, Digits]:
    """By node, what an operation does to digits; nothing is said of those without a finite value."""
    trace = examination.trace
    found: dict[int, Digits] = {}
    for i, (_, args, _) in enumerate(trace.graph.nodes):
        value = trace.values[i]
        if not args or not math.isfinite(value):
            continue
        condition = 0.0
        for k, j in enumerate(args):
            slope = _slope(trace, i, k) if trace.graph.nodes[j].op != CONSTANT else None
            condition += _relative(slope, trace.values[j], value)
        lost = min(max(math.log10(condition), 0.0), FULL) if condition > 0.0 else 0.0
        kept = 0.0 if _underflows(examination, i) else _kept(errors[i], value)
        found[i] = Digits(i, condition, 0.0 if math.isnan(lost) else lost, kept)
    return found


def _ratio(above: float, below: float) -> float:
    if below:
        return above / below
    return math.inf if above else 0.0


def _relative(slope: float | None, x: float, y: float) -> float:
    """|x y' / y|: by how much a relative change of x is magnified in y; nan where y is not finite."""
    if not math.isfinite(y):
        return math.nan
    if not slope or not x:
        return 0.0
    moved = abs(slope * x)
    return _ratio(moved, abs(y)) if math.isfinite(moved) else abs(slope) * _ratio(abs(x), abs(y))


def _kept(error: float, value: float) -> float:
    if error <= 8 * TINY:
        return FULL
    return min(max(-math.log10(_ratio(error, abs(value)) or EPS), 0.0), FULL) if error < math.inf else 0.0


def _losses(examination: Examination, digits: Mapping[int, Digits], errors: Sequence[float]) -> list[Finding]:
    """Nodes that leave fewer digits right than came in: differences of what is nearly equal, mostly."""
    graph = examination.graph
    found = []
    for i, each in digits.items():
        op, args, _ = graph.nodes[i]
        inexact = [j for j in args if errors[j] > 8 * TINY and j in digits]
        if not inexact or not examination.reach.needed[i]:
            continue
        before = min([digits[j].kept for j in inexact])
        lost = before - each.kept
        if lost < LOST:
            continue
        severity = "warning" if each.kept < HALF else "note"
        left = f"keeps {each.kept:.0f} of {before:.0f} digits" if each.kept >= 0.5 else "keeps no digit that is right"
        if op in ("add", "sub"):
            message = f"{{0}} {left}: {{1}} and {{2}} cancel, and their rounding is what remains"
            found.append(Finding("cancellation", severity, i, message, lost, about=(i, *args)))
        else:
            worst = min(inexact, key=lambda j: digits[j].kept)
            message = f"{{0}} {left}: it magnifies the rounding of {{1}}"
            found.append(Finding("amplification", severity, i, message, lost, about=(i, worst)))
    return found


# Gates that do not respond


def _flat(trace: Trace[float], adjoints: Sequence[float | None]) -> list[Finding]:
    """Gates with a slope that is next to none."""
    found = []
    for i, (op, args, _) in enumerate(trace.graph.nodes):
        if not args or op == STEP or adjoints[i] is None or not math.isfinite(trace.values[i]):
            continue
        slope = trace.partials[i][0]
        share = _share(trace, i)
        if share is not None:
            slope = share * (1.0 - share)
            if abs(slope) < SATURATED:
                message = f"{{0}} is saturated at {share:.6g}: it hardly responds to its exponents"
                found.append(Finding("saturated", "note", i, message, slope, about=(i,)))
        elif op in ("max", "min"):
            if _is_clipped(trace, i):
                message = "{0} is the constant here: nothing comes back through it"
                found.append(Finding("dead", "note", i, message, 0.0, about=(i,)))
        elif slope is not None and abs(slope) < SATURATED and (where := primitives.TABLE[op].saturates):
            x = trace.values[args[0]]
            kind = _FLAT[where]
            if kind == "saturated" or x != 0.0:
                message = f"{{0}} is {kind}: its slope is {slope:.3g} at {{1}} = {x:.6g}"
                found.append(Finding(kind, "note", i, message, slope, about=(i, args[0])))
    return found


def _is_clipped(trace: Trace[float], i: int) -> bool:
    """Whether an extreme of variables and constants is a constant."""
    args, partials = trace.graph.nodes[i].args, trace.partials[i]
    return trace.active[i] and all([partial is None for partial in partials]) and any([trace.active[j] for j in args])


def _share(trace: Trace[float], i: int) -> float | None:
    """The value of a node that is a part of a sum of exponentials: a sigmoid or a softmax that is spelled out."""
    graph = trace.graph
    op, args, _ = graph.nodes[i]
    if op != "div" or graph.nodes[args[1]].op != "add":
        return None
    terms: list[int] = []
    pending = [args[1]]
    while pending and len(terms) < GATES * MOST:
        j = pending.pop()
        if graph.nodes[j].op == "add":
            pending += graph.nodes[j].args
        else:
            terms.append(j)
    exponential = [graph.nodes[j].op in ("exp", "exp2") for j in terms]
    constant = [graph.nodes[j].op == CONSTANT for j in terms]
    only = all([a or b for a, b in zip(exponential, constant, strict=True)])
    return trace.values[i] if args[0] in terms and any(exponential) and only else None


# Paths


class _Path(NamedTuple):
    """Of the path with the largest product from the output to a node, its logarithm and what has a part in it."""

    log: float
    least: float
    """The same of the path with the smallest product."""
    growing: int
    shrinking: int
    steepest: tuple[float, int]
    flattest: tuple[float, int]
    """The logarithm of one factor, and the node that has it."""


def _paths(trace: Trace[float]) -> list[_Path | None]:
    """Of every node that the output depends on, the extreme products of local derivatives from there."""
    graph = trace.graph
    found: list[_Path | None] = [None] * len(graph.nodes)
    output = graph.outputs[0]
    found[output] = _Path(0.0, 0.0, 0, 0, (0.0, output), (0.0, output))
    for i in range(output, -1, -1):
        path = found[i]
        if path is None:
            continue
        op, args, _ = graph.nodes[i]
        scale = op in ("mul", "div") and not all([trace.active[j] for j in args])
        for j, partial in zip(args, trace.partials[i], strict=True):
            if partial is None or math.isnan(partial):
                continue
            size = abs(partial)
            log = math.log(size) if size else -math.inf
            counts = op != STEP and not scale
            steps = path.steepest, path.flattest
            if counts:
                steps = max(path.steepest, (log, i)), min(path.flattest, (log, i))
            factors = _factors(trace, i) if counts else 0
            longer = _Path(
                _plus(path.log, log),
                _plus(path.least, log),
                path.growing + (factors if size > PART else 0),
                path.shrinking + (factors if size < 1 / PART else 0),
                *steps,
            )
            before = found[j]
            if before is not None:
                least = min(before.least, longer.least)
                longer = (longer if longer.log > before.log else before)._replace(least=least)
            found[j] = longer
    return found


def _factors(trace: Trace[float], i: int) -> int:
    """How many factors the slope of a node has: that of x^20 is a product like the one of x*x*...*x."""
    op, args, _ = trace.graph.nodes[i]
    if op != "pow" or trace.graph.nodes[args[1]].op != CONSTANT:
        return 1
    exponent = abs(trace.values[args[1]])
    return max(1, int(exponent) - 1) if exponent < MOST else MOST


def _plus(a: float, b: float) -> float:
    """The sum of two logarithms, where 0 times infinity is nothing."""
    return -math.inf if -math.inf in (a, b) else a + b


def _exp(log: float) -> float:
    return math.exp(log) if log < 709.7 else math.inf


def _inputs(trace: Trace[float], adjoints: Sequence[float | None], paths: Sequence[_Path | None]) -> dict[str, Input]:
    value = trace.values[trace.graph.outputs[0]]
    found = {}
    for name, i in trace.graph.variables.items():
        if trace.active[i]:
            path = paths[i]
            condition = _relative(adjoints[i], trace.values[i], value)
            largest, smallest = (0.0, 0.0) if path is None else (_exp(path.log), _exp(path.least))
            found[name] = Input(condition, largest, smallest)
    return found


def _along_paths(trace: Trace[float], paths: Sequence[_Path | None], inputs: Mapping[str, Input]) -> list[Finding]:
    """Derivatives that vanish or explode on every way to a variable: the worst of them, and how many more."""
    variables = trace.graph.variables
    vanishing: list[tuple[float, str, _Path]] = []
    exploding: list[tuple[float, str, _Path]] = []
    for name in inputs:
        path = paths[variables[name]]
        if path is None:
            continue
        if path.log < math.log(VANISHING) and path.shrinking >= GATES:
            vanishing.append((path.log, name, path))
        if path.log > math.log(EXPLODING) and path.growing >= GATES:
            exploding.append((-path.log, name, path))
    found = []
    if vanishing:
        log, name, path = min(vanishing, key=lambda each: each[0])
        factor, node = path.flattest
        message = (
            f"the derivative by {name}{_more(vanishing)} vanishes: along its best path {path.shrinking:,} factors"
            f" multiply to {_exp(log):.3g}, the least of them {_exp(factor):.3g} at {{0}}"
        )
        found.append(Finding("vanishing", "warning", node, message, _exp(log), about=(node,)))
    if exploding:
        log, name, path = min(exploding, key=lambda each: each[0])
        factor, node = path.steepest
        message = (
            f"the derivative by {name}{_more(exploding)} explodes: along one path {path.growing:,} factors multiply"
            f" to {_exp(-log):.3g}, the largest of them {_exp(factor):.3g} at {{0}}"
        )
        found.append(Finding("exploding", "warning", node, message, _exp(-log), about=(node,)))
    return found


def _more(found: Sequence[object]) -> str:
    return f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""


def _ill_conditioned(trace: Trace[float], inputs: Mapping[str, Input]) -> list[Finding]:
    """Inputs whose own last digits decide about the value."""
    variables = trace.graph.variables
    return [
        Finding(
            "ill_conditioned",
            "note",
            variables[name],
            f"{name} is ill-conditioned: its relative error comes out {found.condition:.3g} times as large",
            found.condition,
        )
        for name, found in inputs.items()
        if ILL <= found.condition < math.inf
    ]


# The way out

_HINTS = {
    "cancellation": "rewrite it so that nothing cancels, as with a common factor or by the sum",
    "amplification": "keep its input exact, or reduce it before it is rounded",
    "near_overflow": "rescale the inputs, or work with logarithms",
    "near_underflow": "rescale the inputs, or work with logarithms",
    "overflow": "rescale the inputs, or work with logarithms",
    "underflow": "work with logarithms, or rescale the inputs",
    "saturated": "give it smaller inputs, or a loss that takes them before the gate",
    "dead": "move its input to the other side, as by a bias, or take a leaky gate",
    "vanishing": "take fewer gates, gates that do not saturate, or a path around them",
    "exploding": "scale the factors down, or clip the gradient",
    "ill_conditioned": "give it all of its digits",
}
_FORMS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cancellation": DIGITS,
    "amplification": DIGITS,
    **dict.fromkeys(("overflow", "underflow", "near_overflow", "near_underflow"), BETTER),
}


def _written(examination: Examination, finding: Finding) -> Finding:
    """The finding in words, with the stable form where one is known, and else with what helps in general."""
    if finding.about:
        texts = [examination.written(j) for j in finding.about]
        finding = finding._replace(message=finding.message.format(*texts), about=())
    if finding.hint is not None:
        return finding
    table = _FORMS.get(finding.kind)
    uses, written = examination.uses, examination.written
    better = better_form(examination.graph, finding.node, written, table, uses) if table else None
    return finding._replace(hint=_HINTS.get(finding.kind) if better is None else f"write {better}")


# As data


def plain(
    diagnosis: Diagnosis, examination: Examination, ids: Sequence[str], owners: Mapping[int, int]
) -> dict[str, Any]:
    """The diagnosis as JSON has it; `ids` are how the report calls its nodes, `owners` the steps that others are in."""

    def called(node: int) -> str | None:
        shown = owners.get(node) if owners else node
        return ids[shown] if shown is not None and shown >= 0 else None

    nodes: dict[str, dict[str, Any]] = {}
    for each in diagnosis.digits:
        name = called(each.node)
        if name is None:
            continue
        before = nodes.get(name, {"condition": 0.0, "digits_lost": 0.0})
        nodes[name] = {
            "node": name,
            "condition": max(each.condition, before["condition"]),
            "digits_lost": max(each.lost, before["digits_lost"]),
            "digits_kept": each.kept,
        }
    return {
        "findings": [_plain(finding, examination, called(finding.node)) for finding in diagnosis.findings],
        "more": diagnosis.more,
        "condition": {name: found.condition for name, found in diagnosis.inputs.items()},
        "paths": {
            name: {"largest": found.largest, "smallest": found.smallest} for name, found in diagnosis.inputs.items()
        },
        "nodes": list(nodes.values()),
    }


def _plain(finding: Finding, examination: Examination, called: str | None) -> dict[str, Any]:
    span = examination.span(finding.node) if finding.node >= 0 else None
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "node": called,
        "written": examination.written(finding.node) if finding.node >= 0 else None,
        "place": None if span is None else [span.start, span.end],
        "value": finding.value,
        "message": finding.message,
        "hint": finding.hint,
    }
