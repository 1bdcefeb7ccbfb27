"""The Python door: a formula, its value and its derivatives."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backpropcli import primitives
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.errors import BackpropError
from backpropcli.graph import Graph, GraphBuilder
from backpropcli.language import names
from backpropcli.language.program import MAX_CHARS, MAX_NODES, binding, build, read
from backpropcli.language.reading import number_text, reading
from backpropcli.notebook import ShownFormula, ShownReport
from backpropcli.passes import effort, tabulate
from backpropcli.passes.examine import Examination, Finding
from backpropcli.passes.sweeps import Trace, linearize, pull, push
from backpropcli.report import Note, Report, Typeset

if TYPE_CHECKING:
    from backpropcli.passes.opinions import Opinions

MODES = ("reverse", "forward", "both")
NODES = ("gates", "elementary", "steps")
MAX_PARTIAL = 8
"""The highest order of a mixed derivative: each order triples the work."""


class Formula(ShownFormula):
    """A formula that has been read: evaluate it and differentiate it at as many points as you like.

    >>> f = Formula("x^2 + 3*x")
    >>> f.gradient({"x": 1})
    {'x': 5.0}

    `variables` names those that will be given a value, which decides how `name(` is read; `structure` gives the names
    in the limits of sums their values. Raises BackpropError, with the place and a way out, for a text that is no
    formula.
    """

    def __init__(
        self,
        text: str,
        *,
        variables: Iterable[str] = (),
        structure: Mapping[str, float] | None = None,
        max_chars: int | None = MAX_CHARS,
        max_nodes: int | None = MAX_NODES,
    ) -> None:
        self.text = text
        self._max_nodes = max_nodes
        self._bound = frozenset([names.canonical(name) for name in variables])
        given = structure or {}
        self._program = read(text, self._bound | given.keys(), structure=given, max_chars=max_chars)
        self.structure: Mapping[str, float] = self._program.structure
        self._graphs: dict[str, Graph] = {}
        graph = self._graph("gates")
        self.variables: tuple[str, ...] = tuple(graph.variables)
        self.bindings: dict[str, float] = {name: self._binding(name) for name in self._program.bindings}
        self.outputs: tuple[str, ...] = self._output_names(graph)

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"Formula({text!r})"

    @property
    def reading(self) -> str:
        """The formula as it was understood, fully parenthesised."""
        return reading(self._program)

    @property
    def output(self) -> str:
        """The output's name: the user's, else `z` or the first such letter that no variable has."""
        return self.outputs[0]

    # Values and derivatives

    def at(
        self,
        point: Mapping[str, float] | None = None,
        /,
        *,
        wrt: Sequence[str] | None = None,
        mode: str = "reverse",
        nodes: str = "gates",
        order: int | None = None,
        jacobian: bool = False,
        hessian: bool = False,
        hvp: Mapping[str, float] | None = None,
        jvp: Mapping[str, float] | None = None,
        vjp: Sequence[float] | None = None,
        partial: Sequence[str] = (),
        finite_differences: bool = False,
        diagnose: bool = False,
        ieee: bool = False,
        strict: bool = False,
        latex: bool = False,
        **values: float,
    ) -> Report:
        """Value, gradient, the rows of both passes, and the notes, at one point; with `latex` typeset formulas too.

        The point is a mapping, keywords, or both. `wrt` names what is differentiated (every variable), and each text
        of `partial` what a mixed derivative is taken by, as in "x,x,y". The reverse pass starts from 1 at the output,
        or from the adjoints in `vjp`, one an output. Raises BackpropError where a variable is
        missing or the value does not exist.
        """
        _check_choice("mode", mode, MODES)
        _check_choice("nodes", nodes, NODES)
        full = self._full_point(point, values, ieee=ieee)
        chosen = self._chosen(wrt)
        graph = self._graph(nodes)
        trace = linearize(graph, Floats(), full, chosen)
        single = len(graph.outputs) == 1
        seeds = self._seeds(vjp)
        adjoints = _pulled(trace, seeds)
        examination = self._examination(trace)
        doubts = _doubts(examination, adjoints, seeds, chosen)
        findings = self._findings(examination, adjoints, doubts, ieee=ieee, asked=jacobian or vjp is not None)
        extras = self._extras(trace, full, chosen, findings, order, jacobian, hessian, hvp, jvp, partial)
        settled = _settled(trace, adjoints, doubts, chosen)
        if finite_differences:
            extras["finite_differences"] = self._finite_differences(trace, seeds, settled, findings)

        shown = trace
        inside: Sequence[Graph | None] | None = None
        owners: Mapping[int, int] = {}
        shown_adjoints = adjoints
        if nodes == "steps":
            from backpropcli.passes.steps import steps

            shown, inside, owners = steps(trace, self._max_nodes)
            shown_adjoints = _pulled(shown, seeds)
        tangents = None
        grad = None
        if mode != "reverse":
            effort.check("tangents", len(shown.values) * len(chosen), self._max_nodes)
            tangents = {name: push(shown, {name: 1.0}) for name in chosen}
        if seeds:
            forward = tangents if mode == "forward" and vjp is None else None
            grad = _gradient(shown, shown_adjoints, forward, settled)
        if single:
            findings = self._with_slopes(findings, graph, full, grad or {})
        tables = tabulate.tables(shown, shown_adjoints if seeds else None, tangents, inside)
        if diagnose:
            extras["diagnose"] = self._diagnosis(graph, full, chosen, tables.ids, owners)
        notes = [self._note(finding, tables.ids, owners) for finding in findings]
        if strict and notes:
            raise BackpropError(
                f"{notes[0].message} (refused by --strict)",
                source=self.text,
                span=examination.span(findings[0].node) if findings[0].node >= 0 else None,
                hint="choose another point, or leave out --strict",
            )
        outputs = dict(zip(self.outputs, [trace.values[i] for i in graph.outputs], strict=True))
        return ShownReport(
            formula=self.text,
            reading=self.reading,
            point=full,
            # With a seed for several outputs, what is differentiated is their weighted sum, which has no name.
            output=self.output if single or vjp is None else _free_name({*self.variables, *self.outputs}),
            value=outputs[self.output] if single else outputs,
            grad=grad,
            rows=tables.rows,
            variables=tables.variables,
            notes=tuple(notes),
            mode=mode,
            extras=extras,
            typeset=self._typeset(shown, inside, tables.ids) if latex else None,
        )

    def _typeset(self, trace: Trace[float], inside: Sequence[Graph | None] | None, ids: Sequence[str]) -> Typeset:
        from backpropcli.passes.typeset import typeset

        return typeset(self._program, trace, inside, ids, self.outputs)

    def value(self, point: Mapping[str, float] | None = None, /, **values: float) -> float:
        """The value at a point."""
        trace = self._trace(point, values, ())
        self._findings(self._examination(trace), _nothing(trace), {}, ieee=False)
        value: float = trace.values[trace.graph.outputs[0]]
        return value

    def gradient(self, point: Mapping[str, float] | None = None, /, **values: float) -> dict[str, float]:
        """The derivative by every variable, 0.0 where there is no path, nan where it is undefined."""
        trace = self._trace(point, values, self.variables)
        adjoints = pull(trace, 1.0)
        examination = self._examination(trace)
        doubts = _doubts(examination, adjoints, [1.0], self.variables)
        self._findings(examination, adjoints, doubts, ieee=False)
        return _settled(trace, adjoints, doubts, self.variables)

    def jacobian(self, point: Mapping[str, float]) -> dict[str, Any]:
        """By variable, the derivative of the output; of several outputs, a list of theirs."""
        return dict(self.at(point, jacobian=True).extras["jacobian"])

    def hessian(self, point: Mapping[str, float]) -> list[list[float]]:
        """The matrix of second derivatives, rows and columns in the order of `variables`."""
        return [list(row) for row in self.at(point, hessian=True).extras["hessian"]["matrix"]]

    def jvp(self, point: Mapping[str, float], direction: Mapping[str, float]) -> float:
        """The derivative along a direction; variables that it does not name stay."""
        return float(self.at(point, jvp=direction).extras["jvp"])

    def vjp(self, point: Mapping[str, float], seed: float | Sequence[float] = 1.0) -> dict[str, float]:
        """The gradient, pulled from this adjoint of the output instead of 1; of several outputs, from one each."""
        seeds = [float(seed)] if isinstance(seed, (int, float)) else [float(number) for number in seed]
        return dict(self.at(point, vjp=seeds).grad or {})

    def hvp(self, point: Mapping[str, float], direction: Mapping[str, float]) -> dict[str, float]:
        """The Hessian times a direction, at about twice the cost of a gradient."""
        return dict(self.at(point, hvp=direction).extras["hvp"])

    def derivatives(self, point: Mapping[str, float], order: int) -> list[float]:
        """f, f', f'' ... up to the order-th derivative of a formula in one variable."""
        return list(self.at(point, order=order).extras["derivatives"])

    def partial(self, point: Mapping[str, float], by: str) -> float:
        """A mixed derivative of any order up to 8: `f.partial(p, "x,x,y")` is by x twice and by y."""
        return float(next(iter(self.at(point, partial=[by]).extras["partial"].values())))

    def diagnose(self, point: Mapping[str, float]) -> dict[str, Any]:
        """What is amiss with the numbers at this point, as `at(..., diagnose=True)` has it; without a value too."""
        graph = self._graph("gates")
        full = self._full_point(point, {}, ieee=True)
        return self._diagnosis(graph, full, self.variables, tabulate.node_ids(graph), {})

    def derivative(
        self,
        wrt: Sequence[str] | None = None,
        *,
        to: str = "infix",
        order: int = 1,
        hessian: bool = False,
        inline: bool = False,
    ) -> str:
        """The gradient as a program whose shared parts have names; the bare formula where there is one derivative.

        `order` asks for a higher derivative, by one variable; `hessian` for the second derivatives on and above the
        diagonal, named d2z_dx_dy; `inline` for formulas without names for their parts.
        """
        from backpropcli.exporting import target
        from backpropcli.passes.derivatives import gradient_graph, hessian_graph, repeated_derivative_graph

        self._need_one_output("derive")
        chosen = self._chosen(wrt)
        graph = self._graph("gates")
        if hessian:
            derived = hessian_graph(graph, chosen, self._max_nodes)
            pairs = [(a, b) for k, a in enumerate(chosen) for b in chosen[k:]]
            titles, by = [f"d2{self.output}_d{a}_d{b}" for a, b in pairs], [a for a, _ in pairs]
        elif order > 1:
            _need_one_variable(chosen)
            derived = repeated_derivative_graph(graph, chosen[0], order, self._max_nodes)
            titles, by = [f"d{order}{self.output}_d{chosen[0]}{order}"], list(chosen)
        else:
            derived = gradient_graph(graph, chosen, self._max_nodes)
            titles, by = [f"d{self.output}_d{name}" for name in chosen], list(chosen)
        taken = {*self.variables, *derived.names.values()}
        titles = [title + "_" * sum([title + "_" * k in taken for k in range(3)]) for title in titles]
        return target(to).write(derived, titles, inline=inline, by=by)

    def _seeds(self, vjp: Sequence[float] | None) -> list[float]:
        """The adjoints of the outputs that the reverse pass starts from; none where there are several outputs."""
        if vjp is None:
            return [1.0] if len(self.outputs) == 1 else []
        if len(vjp) != len(self.outputs):
            raise BackpropError(
                f"a seed needs one number for each of the outputs ({', '.join(self.outputs[:10])}), but has {len(vjp)}",
                hint=f"give {len(self.outputs)}, as in --vjp '{_example_seed(self.outputs)}'",
            )
        return [self._number("the seed", number, ieee=False) for number in vjp]

    # Reading the point

    def _full_point(
        self, point: Mapping[str, float] | None, values: Mapping[str, float], *, ieee: bool
    ) -> dict[str, float]:
        given: dict[str, float] = {}
        for name, number in [*(point or {}).items(), *values.items()]:
            key = names.canonical(name)
            if key in given:
                raise BackpropError(f"{key} is given twice")
            given[key] = self._number(key, number, ieee=ieee)
        for name in self.structure:
            if given.pop(name, self.structure[name]) != self.structure[name]:
                raise BackpropError(
                    f"{name} decides the number of terms, and was {number_text(self.structure[name])} when they were"
                    " written out",
                    hint=f"make a new Formula with structure={{'{name}': ...}}",
                )
        known = {*self.variables, *self.bindings}
        unknown = [name for name in given if name not in known]
        if unknown:
            raise self._unknown(unknown[0])
        missing = [name for name in self.variables if name not in given and name not in self.bindings]
        if missing:
            raise self.missing(missing, given)
        return {name: given[name] if name in given else self.bindings[name] for name in self.variables}

    def _number(self, name: str, number: float, *, ieee: bool) -> float:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            try:
                number = number.__float__()
            except (AttributeError, TypeError):
                raise BackpropError(f"{name} needs a number, but is given a {type(number).__name__}") from None
        number = float(number)
        if not ieee and not math.isfinite(number):
            raise BackpropError(
                f"{name} is {number_text(number)}, which is no finite number",
                hint="--ieee computes with inf and nan as IEEE 754 does",
            )
        return number

    def _unknown(self, name: str) -> BackpropError:
        near = names.closest(name, self.variables)
        hint = f"did you mean {near}?" if near else f"its variables are {', '.join(self.variables) or 'none'}"
        return BackpropError(f"the formula has no variable {name}", hint=hint)

    def missing(self, missing: Sequence[str], given: Iterable[str]) -> BackpropError:
        """The error for variables that have no value: all at once, with the options to add."""
        known = {*given, *self.bindings, *primitives.CONSTANTS}
        options = " ".join([f"--{name} VALUE" for name in missing[:20]]) + (" ..." if len(missing) > 20 else "")
        hint = f"add {options}"
        parts = names.split(missing[0], known)
        if parts:
            hint = f"did you mean {'*'.join(parts)}? If not, add {options}"
        shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20:,} more" if len(missing) > 20 else "")
        graph = self._graph("gates")
        span = graph.spans.get(graph.variables[missing[0]])
        verb = "has" if len(missing) == 1 else "have"
        return BackpropError(f"{shown} {verb} no value", source=self.text, span=span, hint=hint)

    def _chosen(self, wrt: Sequence[str] | None) -> tuple[str, ...]:
        if wrt is None:
            return self.variables
        chosen = dict.fromkeys([names.canonical(name) for name in wrt])
        known = set(self.variables)
        for name in chosen:
            if name not in known:
                raise self._unknown(name)
        return tuple(chosen)

    def _binding(self, name: str) -> float:
        graph = binding(self._program, name)
        value = fold(graph, Floats(), {})[graph.outputs[0]]
        if not math.isfinite(value):
            raise BackpropError(
                f"{name} is given a value that is no finite number",
                source=self.text,
                span=self._program.bindings[name].span,
                hint=f"give {name} a finite number",
            )
        return value

    # Graphs and traces

    def _graph(self, nodes: str) -> Graph:
        """The graph at this granularity; each is built once."""
        if nodes not in self._graphs:
            if nodes == "elementary":
                from backpropcli.passes.elementary import elementary

                self._graphs[nodes] = elementary(self._graph("gates"), self._max_nodes)
            else:
                self._graphs[nodes] = build(
                    self._program, steps=nodes == "steps", max_nodes=self._max_nodes, derive=_derivative_nodes
                )
        return self._graphs[nodes]

    def _trace(
        self, point: Mapping[str, float] | None, values: Mapping[str, float], wrt: Sequence[str]
    ) -> Trace[float]:
        self._need_one_output("this")
        return linearize(self._graph("gates"), Floats(), self._full_point(point, values, ieee=False), wrt)

    def _output_names(self, graph: Graph) -> tuple[str, ...]:
        named = [statement.name for statement in self._program.outputs]
        taken = {*graph.variables, *self.bindings}
        free = _free_name({*taken, *[name for name in named if name]})
        return tuple([name or free for name in named])

    def _need_one_output(self, what: str, otherwise: str = "") -> None:
        if len(self.outputs) > 1:
            raise BackpropError(
                f"{what} needs one output, but the formula has {len(self.outputs)}: {', '.join(self.outputs[:10])}",
                source=self.text,
                span=self._program.outputs[1].span,
                hint=f"end with the one that is meant, as in ; {self.outputs[0]}{', ' if otherwise else ''}{otherwise}",
            )

    # Notes

    def _examination(self, trace: Trace[float]) -> Examination:
        return Examination(trace, self.text, tabulate.shown_names(trace.graph, tabulate.node_ids(trace.graph)))

    def _findings(
        self,
        examination: Examination,
        adjoints: Sequence[float | None],
        doubts: Mapping[str, Opinions],
        *,
        ieee: bool,
        asked: bool = False,
    ) -> list[Finding]:
        found = examination.value_findings(ieee=ieee)
        found += examination.edge_findings()
        found += examination.slope_findings(adjoints, lost=any([both.meets_zero for both in doubts.values()]))
        if doubts:
            from backpropcli.passes.opinions import findings

            found += findings(examination, doubts)
        for name in self.variables:
            if name in primitives.CONSTANTS:
                message = f"{name} is a variable here, and not the constant {primitives.CONSTANTS[name]:.6g}"
                found.append(Finding("note", -1, "shadowed", message))
        for name in self._program.functions:
            if name in primitives.spellings():
                message = f"{name} is the formula's own function here, and not the built-in one"
                found.append(Finding("note", -1, "shadowed", message))
        if len(self.outputs) > 1 and not asked:
            shown = ", ".join(self.outputs[:10]) + (", ..." if len(self.outputs) > 10 else "")
            found.append(
                Finding(
                    "note",
                    -1,
                    "outputs",
                    f"several outputs ({shown}): their derivatives are given by --jacobian and --vjp",
                )
            )
        return found

    def _with_slopes(
        self, findings: list[Finding], graph: Graph, point: Mapping[str, float], grad: Mapping[str, float]
    ) -> list[Finding]:
        """The findings about an undefined derivative by one variable, with its slopes on both sides."""
        lost = [name for name, slope in grad.items() if math.isnan(slope)]
        if len(lost) != 1 or not any([_is_lost(finding) for finding in findings]):
            return findings
        from backpropcli.passes.derivatives import one_sided

        slopes = one_sided(graph, point, lost[0])
        if slopes is None:
            return findings
        left, right = [number_text(float(f"{slope:.6g}")) for slope in slopes]
        return [
            finding._replace(
                one_sided=slopes, message=f"{finding.message}; its slopes by {lost[0]} are {left} and {right}"
            )
            if _is_lost(finding)
            else finding
            for finding in findings
        ]

    def _note(self, finding: Finding, ids: Sequence[str], owners: Mapping[int, int]) -> Note:
        # Under steps the row that a node is inside of; a node that no step holds has no row.
        node = owners.get(finding.node, -1) if owners else finding.node
        return Note(
            finding.severity,
            ids[node] if node >= 0 else None,
            finding.kind,
            finding.message,
            finding.convention,
            finding.one_sided,
        )

    # What is asked for besides

    def _extras(
        self,
        trace: Trace[float],
        point: Mapping[str, float],
        wrt: Sequence[str],
        findings: list[Finding],
        order: int | None,
        jacobian: bool,
        hessian: bool,
        hvp: Mapping[str, float] | None,
        jvp: Mapping[str, float] | None,
        partial: Sequence[str],
    ) -> dict[str, Any]:
        from backpropcli.passes import derivatives

        extras: dict[str, Any] = {}
        graph = self._graph("gates")
        if jacobian:
            sweeps = min(len(trace.graph.outputs), len(wrt))
            effort.check("jacobian", len(trace.values) * sweeps, self._max_nodes)
            columns = derivatives.jacobian(trace, wrt)
            single = len(trace.graph.outputs) == 1
            extras["jacobian"] = {name: column[0] if single else column for name, column in columns.items()}
        paths = [self._path(text) for text in partial]
        if hessian or hvp is not None or order is not None or paths:
            self._need_one_output("a second derivative")
            if hessian or hvp is not None or max([order or 0, *map(len, paths)]) > 1:
                findings += [
                    finding._replace(
                        severity="warning",
                        kind="second_order_kink",
                        message=f"a second derivative is taken through a {finding.kind}: {finding.message}",
                    )
                    for finding in findings
                    if finding.kind in ("kink", "tie")
                ]
        if hessian:
            effort.check("hessian", len(graph.nodes) * len(wrt), self._max_nodes)
            extras["hessian"] = {"order": list(wrt), "matrix": derivatives.hessian(graph, point, wrt)}
        if hvp is not None:
            extras["hvp"] = derivatives.hessian_vector(graph, point, self._direction(hvp), wrt)
        if jvp is not None:
            self._need_one_output("--jvp")
            extras["jvp"] = derivatives.along(trace, self._direction(jvp))
        if order is not None:
            extras["derivatives"] = self._derivatives(graph, point, wrt, order)
        if paths:
            from backpropcli.passes.taylor import mixed

            extras["partial"] = {",".join(path): mixed(graph, path, point, self._max_nodes) for path in paths}
        return extras

    def _finite_differences(
        self, trace: Trace[float], seeds: Sequence[float], gradient: Mapping[str, float], findings: Sequence[Finding]
    ) -> dict[str, Any]:
        from backpropcli.passes.finite_differences import FAIL, finite_differences, weighted

        if not seeds:
            self._need_one_output("--finite-differences", f"or weigh them, as in --vjp '{_example_seed(self.outputs)}'")
        if list(seeds) != [1.0]:
            trace = weighted(trace, seeds)
        shown = tabulate.shown_names(trace.graph, tabulate.node_ids(trace.graph))
        special = [(finding.node, finding.kind) for finding in findings]
        found = finite_differences(trace, shown, special, gradient, self._max_nodes)
        ok = all([comparison.verdict != FAIL for comparison in found])
        return {"ok": ok, "entries": [comparison._asdict() for comparison in found]}

    def _diagnosis(
        self,
        graph: Graph,
        point: Mapping[str, float],
        wrt: Sequence[str],
        ids: Sequence[str],
        owners: Mapping[int, int],
    ) -> dict[str, Any]:
        from backpropcli.passes.diagnose import diagnose, plain

        self._need_one_output("--diagnose")
        trace = linearize(graph, Floats(), point)
        examination = self._examination(trace)
        return plain(diagnose(examination, pull(trace, 1.0), wrt), examination, ids, owners)

    def _path(self, text: str) -> list[str]:
        """The variables that a mixed derivative is taken by, in turn."""
        path = [names.canonical(name.strip()) for name in text.split(",")]
        for name in path:
            if name not in self.variables:
                raise self._unknown(name)
        if len(path) > MAX_PARTIAL:
            raise BackpropError(
                f"a mixed derivative is of order {MAX_PARTIAL} at most, but here {len(path)} names are given",
                hint="name fewer variables; --order N goes on to 100 by one variable",
            )
        return path

    def _direction(self, direction: Mapping[str, float]) -> dict[str, float]:
        found = {}
        for name, number in direction.items():
            key = names.canonical(name)
            if key not in self.variables:
                raise self._unknown(key)
            found[key] = self._number(key, number, ieee=False)
        return found

    def _derivatives(self, graph: Graph, point: Mapping[str, float], wrt: Sequence[str], order: int) -> list[float]:
        from backpropcli.passes.taylor import derivatives

        _need_one_variable(wrt)
        return derivatives(graph, wrt[0], point, order, self._max_nodes)


def _derivative_nodes(builder: GraphBuilder, part: Graph, wrt: Sequence[str]) -> dict[str, int]:
    from backpropcli.passes.derivatives import derivative_nodes

    return derivative_nodes(builder, part, wrt)


def constant(text: str) -> float:
    """The value of a constant formula, such as pi/2."""
    program = read(text)
    graph = build(program)
    if graph.variables:
        raise BackpropError(
            f"expected a number or a constant formula, but found the name {next(iter(graph.variables))}",
            source=text,
            span=graph.spans.get(next(iter(graph.variables.values()))),
            hint="give a number, or a formula over numbers such as pi/2",
        )
    value: float = fold(graph, Floats(), {})[graph.outputs[0]]
    return value


def _free_name(taken: Collection[str]) -> str:
    """What an output is called that the user gave no name: `z`, or the next such letter that is free."""
    return next(name for name in ("z", "f", "out", "output", "result", "result_") if name not in taken)


def _need_one_variable(wrt: Sequence[str]) -> None:
    if len(wrt) != 1:
        raise BackpropError(
            f"derivatives of an order are by one variable, but there are {len(wrt)}: {', '.join(wrt[:10])}",
            hint=f"choose one, as in --wrt {wrt[0]}" if wrt else "the formula has no variable",
        )


def _nothing(trace: Trace[float]) -> list[float | None]:
    return [None] * len(trace.values)


def _example_seed(outputs: Sequence[str]) -> list[int]:
    return [1, *[0] * (min(len(outputs), 10) - 1)]


def _pulled(trace: Trace[float], seeds: Sequence[float]) -> list[float | None]:
    """Adjoints from these outputs; one with a seed of 0 is left out, so that its infinities are met by nothing."""
    starts = [(i, seed) for i, seed in zip(trace.graph.outputs, seeds, strict=False) if seed]
    if not starts:
        return _nothing(trace)
    outputs = tuple([i for i, _ in starts])
    return pull(trace._replace(graph=trace.graph._replace(outputs=outputs)), *[seed for _, seed in starts])


def _told(derivative: float | None) -> float:
    """A derivative as it is told: 0 where there is no path."""
    return 0.0 if derivative is None else derivative


def _doubts(
    examination: Examination, adjoints: Sequence[float | None], seeds: Sequence[float], wrt: Sequence[str]
) -> dict[str, Opinions]:
    """What both sweeps make of the derivatives that the backward sweep leaves without a finite value."""
    variables = examination.graph.variables
    if all([math.isfinite(adjoints[variables[name]] or 0.0) for name in wrt]):
        return {}
    from backpropcli.passes.opinions import opinions

    return opinions(examination, adjoints, seeds, wrt)


def _settled(
    trace: Trace[float], adjoints: Sequence[float | None], doubts: Mapping[str, Opinions], wrt: Sequence[str]
) -> dict[str, float]:
    """The derivative by every variable: its adjoint, or what is better defined."""
    variables = trace.graph.variables
    return {name: doubts[name].better if name in doubts else _told(adjoints[variables[name]]) for name in wrt}


def _gradient(
    trace: Trace[float],
    adjoints: Sequence[float | None],
    tangents: Mapping[str, Sequence[float | None]] | None,
    settled: Mapping[str, float],
) -> dict[str, float]:
    """The derivatives as the sweep has them that was asked for; where the backward sweep has none, as settled."""
    found = dict(settled)
    variables = trace.graph.variables
    for name in settled:
        backward = _told(adjoints[variables[name]])
        if math.isfinite(backward):
            forward = backward if tangents is None else _told(tangents[name][trace.graph.outputs[0]])
            found[name] = forward if math.isfinite(forward) else backward
    return found


def _is_lost(finding: Finding) -> bool:
    """Whether it is about a derivative that is undefined, for what infinity meets."""
    return finding.severity == "warning" and finding.kind in ("inf_times_zero", "inf_minus_inf")


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise BackpropError(f"{name} is one of {', '.join(choices)}, but found {value}")
