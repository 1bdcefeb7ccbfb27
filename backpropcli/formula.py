"""The Python door: a formula, its value and its derivatives."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backpropcli import primitives
from backpropcli.algebras.algebra import fold, has_arrays
from backpropcli.errors import BackpropError
from backpropcli.graph import Graph, GraphBuilder, TooManyNodesError
from backpropcli.language import names
from backpropcli.language.program import MAX_CHARS, MAX_NODES, SYNTAXES, Program, binding, build, mentioned, read
from backpropcli.language.reading import number_text, reading
from backpropcli.language.terms import NAME
from backpropcli.notebook import ShownFormula, ShownReport
from backpropcli.passes import effort, tabulate
from backpropcli.passes.effort import MAX_BYTES as MAX_BYTES
from backpropcli.passes.evaluate import (
    Setting,
    Value,
    dims_of,
    plain,
    setting,
    shapes_needed,
    shown,
    value_of,
    zeros,
)
from backpropcli.passes.examine import TOLD, Examination, Finding
from backpropcli.passes.sweeps import Trace, linearize, pull, push
from backpropcli.records import NamedTuple
from backpropcli.report import Note, Report, Typeset

if TYPE_CHECKING:
    from backpropcli.exporting import Rows
    from backpropcli.mapping import Columns
    from backpropcli.passes.derivatives import Products
    from backpropcli.passes.lower import Program as Lowered
    from backpropcli.passes.lower import Wanted
    from backpropcli.passes.opinions import Opinions
    from backpropcli.passes.products import ArrayProducts
    from backpropcli.passes.settle import Settled

MODES = ("reverse", "forward", "both")
NODES = ("gates", "elementary", "steps")
MAX_PARTIAL = 8
"""The highest order of a mixed derivative: each order triples the work."""


class Asked(NamedTuple):
    """What `Formula.at` is asked for, as it documents it."""

    mode: str
    nodes: str
    order: int | None
    jacobian: bool
    hessian: bool
    hvp: Mapping[str, Any] | None
    jvp: Mapping[str, Any] | None
    vjp: Sequence[Any] | None
    partial: Sequence[str]
    finite_differences: bool
    diagnose: bool
    op_count: bool
    ieee: bool
    strict: bool
    latex: bool
    tables: bool
    explain: bool


class Formula(ShownFormula):
    """A formula that has been read: evaluate it and differentiate it at as many points as you like.

    >>> f = Formula("x^2 + 3*x")
    >>> f.gradient({"x": 1})
    {'x': 5.0}

    `variables` names those that will be given a value, which decides how `name(` is read; `structure` gives the names
    in the limits of sums their values, and arrays whose entries have names, as theta_j of theta; `syntax` is infix or
    latex, and is found out by itself. Raises BackpropError, with the place and a way out, where the text is no formula.
    """

    def __init__(
        self,
        text: str,
        *,
        variables: Iterable[str] = (),
        structure: Mapping[str, Any] | None = None,
        syntax: str = "auto",
        max_chars: int | None = MAX_CHARS,
        max_nodes: int | None = MAX_NODES,
        max_bytes: int | None = MAX_BYTES,
    ) -> None:
        self.text = text
        self._max_nodes = max_nodes
        self._max_bytes = max_bytes
        # Values that are read on demand stay so.
        given: Mapping[str, Any] = structure or {}
        if isinstance(given, dict):
            given = {name: value_of(name, value, ieee=True) for name, value in given.items()}
        self._given = given
        self._bound = frozenset([*[names.canonical(name) for name in variables], *given])
        _check_choice("syntax", syntax, SYNTAXES)
        self._syntax = syntax
        self._program = read(text, self._bound, structure=given, syntax=syntax, max_chars=max_chars)
        self.structure: Mapping[str, float] = self._program.structure
        self._graphs: dict[str, Graph] = {}
        self._settings: dict[object, Setting] = {}
        self._settled: dict[object, Settled] = {}
        graph = self._graph("gates")
        self.variables: tuple[str, ...] = tuple(graph.variables)
        self.bindings: dict[str, Value] = {name: self._binding(name) for name in self._program.bindings}
        self.mentioned: tuple[str, ...] = tuple(
            [name for name in mentioned(self._program) if name not in graph.variables]
        )
        """Names that only what a text says beside its formula uses: they may be given values, and need none."""
        self.outputs: tuple[str, ...] = self._output_names(graph)

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"Formula({text!r})"

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes the same formula once more, as plain data: `Formula(**f.arguments)`."""
        return {
            "text": self.text,
            "variables": sorted(self._bound),
            "structure": {**self.structure, **{name: plain(self._given[name]) for name in self._program.shapes}},
            "syntax": self._syntax,
            "max_chars": None,
            "max_nodes": self._max_nodes,
            "max_bytes": self._max_bytes,
        }

    def fingerprint(self) -> str:
        """A number in hexadecimal digits that two formulas share where they are read as the same one.

        SHA-256 of the graph, of the names in it and of what the text says is equal: spaces and brackets do not count.
        """
        import hashlib

        graph = self._graph("gates")
        found = hashlib.sha256()
        for node in graph.nodes:
            found.update(repr(tuple(node)).encode())
        found.update(repr((graph.outputs, self.outputs, sorted(graph.names.items()))).encode())
        signs = [sign for _, sign in sorted(self._program.undecided.items())]
        if self._program.equations or self._program.claims or signs:
            found.update(repr((reading(self._program), signs)).encode())
        return found.hexdigest()

    @property
    def reading(self) -> str:
        """The formula as it was understood, fully parenthesised; over arrays, if `structure` gives all of them."""
        if self._program.undecided and isinstance(self._given, dict):
            point = {**self.bindings, **self._given}
            if all([name in point for name in self.variables]):
                try:
                    return reading(self._program_at({name: point[name] for name in self.variables}))
                except BackpropError:
                    pass  # What is amiss is said where it is evaluated.
        return reading(self._program)

    @property
    def in_latex(self) -> Mapping[str, str]:
        """By name, the definitions and functions of a text in LaTeX as they were written; none of one in infix."""
        if self._program.syntax != "latex":
            return {}
        terms, statements = self._program.written
        found: dict[str, str] = {}
        for name, parameters, _, value, place, *_ in [each for each in statements if each.name is not None]:
            start, end = terms[value].span
            behind = place.end if parameters is None else self.text.index(")", place.end) + 1
            found[str(name)] = f"{self.text[place.start : behind]} = {self.text[start:end]}"
        return found

    @property
    def output(self) -> str:
        """The output's name: the user's, else `z` or the first such letter that no variable has."""
        return self.outputs[0]

    # Values and derivatives

    def at(
        self,
        point: Mapping[str, Any] | None = None,
        /,
        *,
        wrt: Sequence[str] | None = None,
        mode: str = "reverse",
        nodes: str = "gates",
        order: int | None = None,
        jacobian: bool = False,
        hessian: bool = False,
        hvp: Mapping[str, Any] | None = None,
        jvp: Mapping[str, Any] | None = None,
        vjp: Sequence[Any] | None = None,
        partial: Sequence[str] = (),
        finite_differences: bool = False,
        diagnose: bool = False,
        op_count: bool = False,
        ieee: bool = False,
        strict: bool = False,
        latex: bool = False,
        tables: bool = True,
        explain: bool = False,
        **values: Any,
    ) -> Report:
        """Value, gradient, the rows of both passes, and the notes, at one point; with `latex` typeset formulas too.

        The point is a mapping, keywords, or both, of numbers and arrays (NumPy's, or nested lists). `wrt` names what
        is differentiated (every variable), and each text of `partial` what a mixed derivative is taken by, as in
        "x,x,y". The reverse pass starts from 1 at the output, or from the adjoints in `vjp`: one an output, or an array
        in the output's shape. Without `tables` the rows of both passes are left out; `explain` says both passes in
        words. Raises BackpropError where a variable is missing, shapes do not fit, or the value does not exist.
        """
        _check_choice("mode", mode, MODES)
        _check_choice("nodes", nodes, NODES)
        given = self.given([*(point or {}).items(), *values.items()], ieee=ieee)
        full = self._whole(given)
        chosen = self.chosen(wrt)
        scene = self._setting(nodes, full)
        with scene.quietly():
            return self._report(
                scene,
                full,
                {name: given[name] for name in self.mentioned if name in given},
                chosen,
                Asked(
                    mode, nodes, order, jacobian, hessian, hvp, jvp, vjp, partial, finite_differences, diagnose,
                    op_count, ieee, strict, latex, tables, explain,
                ),
            )  # fmt: skip

    def _report(
        self,
        scene: Setting,
        full: Mapping[str, Value],
        beside: Mapping[str, Value],
        chosen: Sequence[str],
        asked: Asked,
    ) -> Report:
        graph = scene.graph
        trace = linearize(graph, scene.algebra, scene.inputs(full), chosen)
        single = len(graph.outputs) == 1
        seeds = self._seeds(asked.vjp, scene)
        adjoints = _pulled(trace, seeds)
        examination = self._examination(trace, scene)
        doubts = _doubts(examination, adjoints, seeds, chosen, scene)
        told = asked.jacobian or asked.vjp is not None
        findings = self._findings(examination, adjoints, doubts, scene, ieee=asked.ieee, asked=told)
        if self._program.equations or self._program.claims or self._program.updates:
            findings += self._equations(scene, {**full, **beside})
        extras = self._extras(trace, scene, full, chosen, findings, asked)
        settled = {} if scene.arrays else _settled(trace, adjoints, doubts, chosen)
        if asked.finite_differences:
            extras["finite_differences"] = self._finite_differences(trace, scene, seeds, settled, findings)

        shown = trace
        inside: Sequence[Graph | None] | None = None
        owners: Mapping[int, int] = {}
        shown_adjoints = adjoints
        if asked.nodes == "steps":
            from backpropcli.passes.steps import steps

            shown, inside, owners = steps(trace, self._max_nodes)
            shown_adjoints = _pulled(shown, seeds)
        tangents = None
        grad = None
        if asked.tables or asked.mode != "reverse":
            moving = sum([math.prod(dims_of(full[name])) for name in chosen])
            self._need_room(shown, scene, 0 if asked.mode == "reverse" else moving)
        if asked.mode != "reverse":
            effort.check("tangents", len(shown.values) * moving, self._max_nodes)
            tangents = self._tangents(shown, chosen)
        if seeds:
            forward = tangents if asked.mode == "forward" and asked.vjp is None else None
            if scene.arrays:
                grad = self._gradient_of(shown, shown_adjoints, forward, chosen)
            else:
                grad = _gradient(shown, shown_adjoints, forward, settled)
        if single and not scene.arrays:
            findings = self._with_slopes(findings, graph, full, grad or {})
        if asked.tables:
            tables = tabulate.tables(shown, shown_adjoints if seeds else None, tangents, inside)
        else:
            tables = tabulate.Tables(tabulate.node_ids(shown.graph), (), ())
        if asked.diagnose:
            extras["diagnose"] = self._diagnosis(scene, full, chosen, tables.ids, owners)
        if asked.op_count:
            from backpropcli.passes.op_count import op_count

            extras["op_count"] = op_count(scene, full, chosen)
        notes = [self._note(finding, tables.ids, owners) for finding in findings]
        doubtful = [k for k, note in enumerate(notes) if note.kind not in TOLD]
        if asked.strict and doubtful:
            raise BackpropError(
                f"{notes[doubtful[0]].message} (refused by --strict)",
                source=self.text,
                span=examination.span(findings[doubtful[0]].node) if findings[doubtful[0]].node >= 0 else None,
                hint="choose another point, or leave out --strict",
            )
        outputs = dict(zip(self.outputs, [plain(trace.values[i]) for i in graph.outputs], strict=True))
        # With a seed for several outputs, what is differentiated is their weighted sum, which has no name.
        output = self.output if single or asked.vjp is None else _free_name({*self.variables, *self.outputs})
        typeset = self._typeset(scene, full, shown, inside, tables.ids) if asked.latex else None
        explanation = None
        if asked.explain and asked.tables:
            from backpropcli.passes.explain import Explained, explained

            pulled = shown_adjoints if seeds and asked.mode != "forward" else None
            explanation, typeset = explained(
                Explained(shown, inside, pulled, seeds, tangents, tables, notes, output), typeset
            )
        return ShownReport(
            formula=self.text,
            reading=reading(self._program_at(full)) if scene.arrays else self.reading,
            point={name: plain(value) for name, value in full.items()},
            output=output,
            value=outputs[self.output] if single else outputs,
            grad=grad,
            rows=tables.rows,
            variables=tables.variables,
            notes=tuple(notes),
            mode=asked.mode,
            extras=extras,
            explanation=explanation,
            typeset=typeset,
        )

    def _typeset(
        self,
        scene: Setting,
        point: Mapping[str, Value],
        trace: Trace[float],
        inside: Sequence[Graph | None] | None,
        ids: Sequence[str],
    ) -> Typeset:
        from backpropcli.passes.typeset import typeset

        if not scene.arrays:
            return typeset(self._program, trace, inside, ids, self.outputs)
        known = self._settle(point)
        return typeset(known.program, trace, inside, ids, self.outputs, known.products)

    def value(self, point: Mapping[str, Any] | None = None, /, **values: Any) -> Value:
        """The value at a point: a float, or a NumPy array."""
        self.need_one_output("this")
        full = self._full_point(point, values, ieee=False)
        scene = self._setting("gates", full)
        with scene.quietly():
            trace = linearize(scene.graph, scene.algebra, scene.inputs(full), ())
            self._findings(self._examination(trace, scene), _nothing(trace), {}, scene, ieee=False)
            return _held(trace.values[scene.graph.outputs[0]], scene.dims_of(scene.graph.outputs[0]))

    def gradient(
        self, point: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, **values: Any
    ) -> dict[str, Value]:
        """The derivative by every variable of `wrt` (all), 0.0 where there is no path, nan where it is undefined.

        In the variable's shape: a float, or a NumPy array.
        """
        self.need_one_output("this")
        chosen = self.chosen(wrt)
        full = self._full_point(point, values, ieee=False)
        scene = self._setting("gates", full)
        self._need_a_number("a gradient", scene)
        with scene.quietly():
            trace = linearize(scene.graph, scene.algebra, scene.inputs(full), chosen)
            adjoints = pull(trace, 1.0)
            examination = self._examination(trace, scene)
            doubts = _doubts(examination, adjoints, [1.0], chosen, scene)
            self._findings(examination, adjoints, doubts, scene, ieee=False)
        if not scene.arrays:
            return dict(_settled(trace, adjoints, doubts, chosen))
        variables = scene.graph.variables
        return {name: _held(adjoints[variables[name]], scene.dims_of(variables[name])) for name in chosen}

    def map(
        self,
        columns: Mapping[str, Any],
        /,
        *,
        wrt: Sequence[str] | None = None,
        only: str | None = None,
        jacobian: bool = False,
        hessian: bool = False,
        jvp: Mapping[str, Any] | None = None,
        engine: str = "auto",
        threads: int = 1,
        ieee: bool = False,
        strict: bool = False,
        on_error: str = "fail",
    ) -> Columns:
        """Value and gradient in every row of these columns, as columns: value, grad_x, d2_x_y, jvp.

        A column has a value a row, as a sequence or a NumPy array; what is a number is the same in every row. `only` is
        value or grad. The engine is scalar, numpy, jit or auto, by the number of rows; all but jit agree within 2 units
        in the last place of each operation, jit within 4. The result holds the notes of all rows, counted. Raises
        BackpropError where a column is missing, and DataError for the first row without a value unless `on_error` is
        null: then nan stands there, and the result says why.

        >>> f = Formula("x^2*y")
        >>> f.map({"x": [1.0, 2.0, 3.0], "y": 5})["grad_x"].tolist()
        [10.0, 20.0, 30.0]
        """
        from backpropcli.mapping import Asked as AskedOfRows
        from backpropcli.mapping import mapped

        return mapped(
            self,
            columns,
            AskedOfRows(only, wrt, jacobian, hessian, jvp),
            engine=engine,
            threads=threads,
            ieee=ieee,
            strict=strict,
            on_error=on_error,
        )

    def jacobian(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """By variable, the derivative of the output; of several outputs, a list of theirs.

        Of arrays, nested lists in the shape of the output and then of the variable.
        """
        return dict(self.at(point, jacobian=True).extras["jacobian"])

    def hessian(self, point: Mapping[str, Any]) -> list[list[float]]:
        """The matrix of second derivatives, rows and columns in the order of `variables`, arrays row by row."""
        return [list(row) for row in self.at(point, hessian=True).extras["hessian"]["matrix"]]

    def jvp(self, point: Mapping[str, Any], direction: Mapping[str, Any]) -> Any:
        """The derivative along a direction, in the output's shape; variables that it does not name stay."""
        return self.at(point, jvp=direction).extras["jvp"]

    def vjp(self, point: Mapping[str, Any], seed: float | Sequence[Any] = 1.0) -> dict[str, Any]:
        """The gradient, pulled from this adjoint of the output instead of 1; of several outputs, from one each."""
        return dict(self.at(point, vjp=[seed] if isinstance(seed, (int, float)) else seed).grad or {})

    def hvp(self, point: Mapping[str, Any], direction: Mapping[str, Any]) -> dict[str, Any]:
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
        full = self._full_point(point, {}, ieee=True)
        scene = self._setting("gates", full)
        return self._diagnosis(scene, full, self.variables, tabulate.node_ids(scene.graph), {})

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

        `to` is the language: `infix`, the formula language, `latex`, where derivatives have their own signs, or `sql`,
        a SELECT that gives every row of the table `points` the value and what was asked for, named as by `map`.
        `order` asks for a higher derivative, by one variable; `hessian` for the second derivatives on and above the
        diagonal, named d2z_dx_dy; `inline` for formulas without names for their parts.
        """
        from backpropcli.exporting import Slope, target
        from backpropcli.passes.collect import collected
        from backpropcli.passes.derivatives import gradient_graph, hessian_graph, repeated_derivative_graph

        self.need_one_output("derive")
        chosen = self.chosen(wrt)
        language = target(to)
        if language.OF_ROWS:
            if inline:
                raise BackpropError(f"{to} needs names for the parts of a formula", hint="leave out --inline")
            return language.write(self._rows(chosen, order, hessian=hessian))
        graph = self._graph("gates")
        if has_arrays(graph):
            raise shapes_needed("a derivative as a formula", self.text)
        by: list[tuple[str, ...]]
        if hessian:
            derived = hessian_graph(graph, chosen, self._max_nodes)
            by = [(a, b) for k, a in enumerate(chosen) for b in chosen[k:]]
        elif order > 1:
            _need_one_variable(chosen)
            derived = repeated_derivative_graph(graph, chosen[0], order, self._max_nodes)
            by = [tuple(chosen) * order]
        else:
            derived = gradient_graph(graph, chosen, self._max_nodes)
            by = [(name,) for name in chosen]
        derived = collected(derived)
        taken = {*self.variables, *derived.names.values()}
        titles = [names.derivative_name(self.output, variables) for variables in by]
        titles = [title + "_" * sum([title + "_" * k in taken for k in range(3)]) for title in titles]
        slopes = [Slope(self.output, variables) for variables in by]
        return language.write(derived, titles, inline=inline, slopes=slopes)

    def _rows(self, wrt: Sequence[str], order: int, *, hessian: bool) -> Rows:
        """What every row of a table gets: the value, and the gradient or the derivative of this order."""
        from backpropcli.exporting import Rows
        from backpropcli.mapping import Asked, Mapper
        from backpropcli.passes.lower import Wanted, lower

        graph = self._graph("gates")
        if has_arrays(graph):
            raise shapes_needed("a derivative as a formula", self.text)
        higher = order > 1
        if higher:
            _need_one_variable(wrt)
        fixed = {name: value for name, value in self.bindings.items() if isinstance(value, float)}
        wanted = Wanted(gradient=not higher, hessian=hessian, order=order if higher else 0, domain=True)
        program = lower(graph, self.variables, fixed, wrt, wanted, self._max_nodes or _LOWERED)
        flat = Mapper(self, Asked("value" if higher else None, wrt, hessian=hessian)).names
        if higher:
            flat = (*flat, f"d{order}_{'_'.join([*wrt] * order)}")
        return Rows(program.nodes, program.outputs, flat, program.values, program.domain)

    def lowered(
        self, columns: Sequence[str], fixed: Mapping[str, Value], wrt: Sequence[str], wanted: Wanted
    ) -> Lowered | None:
        """The formula as a program for many rows, where `columns` vary; None where each row is evaluated by itself.

        Those are formulas over arrays, texts that say what is equal, which is looked at point by point, and programs
        that would be very large.
        """
        from backpropcli.passes.lower import lower

        graph = self._graph("gates")
        if self._program.equations or self._program.claims or has_arrays(graph):
            return None
        if not all([isinstance(value, float) and math.isfinite(value) for value in fixed.values()]):
            return None
        try:
            return lower(graph, columns, fixed, wrt, wanted, _LOWERED)
        except TooManyNodesError:
            return None

    def bound(self, point: Mapping[str, Value]) -> Setting | None:
        """The formula over arrays of the shapes that these values have, to be swept over for many rows of them at once.

        None where each row is evaluated by itself: of texts that say what is equal, and where all values are numbers.
        Raises BackpropError where the formula does not take such shapes.
        """
        if self._program.equations or self._program.claims or self._program.updates:
            return None
        scene = self._setting("gates", {name: point[name] for name in self.variables})
        return scene if scene.arrays else None

    def _seeds(self, vjp: Sequence[Any] | None, scene: Setting) -> list[Value]:
        """The adjoints of the outputs that the reverse pass starts from; none where there is no one number to pull."""
        dims = [scene.dims_of(i) for i in scene.graph.outputs]
        if vjp is None:
            return [1.0] if dims == [()] else []
        if len(dims) == 1:
            given = vjp[0] if not dims[0] and len(vjp) == 1 else vjp
            return [self._seed(self.output, given, dims[0])]
        if len(vjp) != len(self.outputs):
            raise BackpropError(
                f"a seed needs one number for each of the outputs ({', '.join(self.outputs[:10])}), but has {len(vjp)}",
                hint=f"give {len(self.outputs)}, as in --vjp '{_example_seed(self.outputs)}'",
            )
        return [self._seed(name, number, own) for name, number, own in zip(self.outputs, vjp, dims, strict=True)]

    @staticmethod
    def _seed(name: str, given: Any, dims: tuple[int, ...]) -> Value:
        seed = value_of("the seed", given, ieee=False)
        if dims_of(seed) != dims:
            raise BackpropError(
                f"the seed for {name} has {shown(dims_of(seed))}, but {name} has {shown(dims)}",
                hint=f"give it the output's shape, as in --vjp '{zeros(dims)}'"
                if len(dims) == 1 and dims[0] <= 10
                else None,
            )
        return seed

    # Reading the point

    def _full_point(
        self, point: Mapping[str, Any] | None, values: Mapping[str, Any], *, ieee: bool
    ) -> dict[str, Value]:
        return self._whole(self.given([*(point or {}).items(), *values.items()], ieee=ieee))

    def _whole(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The value of every variable. Raises BackpropError where one is missing."""
        missing = [name for name in self.variables if name not in given and name not in self.bindings]
        if missing:
            raise self.missing(missing, given)
        return {name: given[name] if name in given else self.bindings[name] for name in self.variables}

    def given(self, point: Iterable[tuple[str, Any]], *, ieee: bool) -> dict[str, Value]:
        """The values of variables as computed with, by their canonical names; not all of them need be there.

        Raises BackpropError for what is no variable, given twice or no value.
        """
        given: dict[str, Value] = {}
        for name, number in point:
            key = names.canonical(name)
            if key in given:
                raise BackpropError(f"{key} is given twice")
            given[key] = value_of(key, number, ieee=ieee)
        for name in self.structure:
            known = given.pop(name, self.structure[name])
            if not isinstance(known, float) or known != self.structure[name]:
                raise BackpropError(
                    f"{name} decides the number of terms, and was {number_text(self.structure[name])} when they were"
                    " written out",
                    hint=f"make a new Formula with structure={{'{name}': ...}}",
                )
        for name, shape in self._program.shapes.items():
            if name in given and dims_of(given[name]) != shape:
                raise BackpropError(
                    f"{name} has {shown(dims_of(given[name]))}, and had {shown(shape)} when its entries were written"
                    " out",
                    hint=f"make a new Formula with structure={{'{name}': ...}}",
                )
        known = {*self.variables, *self.bindings, *self.mentioned}
        unknown = [name for name in given if name not in known]
        if unknown:
            raise self._unknown(unknown[0])
        return given

    def _unknown(self, name: str) -> BackpropError:
        near = names.closest(name, self.variables)
        entries = [each for each in self.variables if each.startswith(f"{name}_") and each[-1].isdecimal()]
        if entries:
            hint = f"give {', '.join(entries[:3])}, or {name} as an array when the formula is made, in structure"
            return BackpropError(f"the formula has no variable {name}", hint=hint)
        hint = f"did you mean {near}?" if near else f"its variables are {', '.join(self.variables) or 'none'}"
        return BackpropError(f"the formula has no variable {name}", hint=hint)

    def missing(self, missing: Sequence[str], given: Iterable[str]) -> BackpropError:
        """The error for variables that have no value: all at once, with the options to add."""
        known = {*given, *self.bindings, *primitives.CONSTANTS}
        options = " ".join([f"--{name} VALUE" for name in missing[:20]]) + (" ..." if len(missing) > 20 else "")
        hint = f"add {options}"
        stem = missing[0].partition("_")[0]
        written = [str(term.payload) for term in self._program.written[0] if term.op == NAME]
        if missing[0] not in written and any([name[:-1] == f"{stem}_" and name[-1].isalpha() for name in written]):
            hint += f", or {stem} as an array, as in --{stem} '[1, 2, 3]'"
        places = [term.span for term in self._program.written[0] if term.op == NAME and term.payload == missing[0]]
        behind = [self.text[place.end : place.end + 7].lstrip().removeprefix("\\left")[:1] for place in places]
        if behind and all([opening == "(" for opening in behind]):
            hint += f"; if it is a function, define it, as in {self.text[places[0].start : places[0].end]}(t) = t^2"
        parts = names.split(missing[0], known)
        if parts:
            values = given if isinstance(given, Mapping) else {}
            arrays = [name for name in parts if not isinstance(values.get(name, 0.0), float)]
            hint = f"did you mean {(' @ ' if len(arrays) > 1 else '*').join(parts)}? If not, add {options}"
        shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20:,} more" if len(missing) > 20 else "")
        graph = self._graph("gates")
        span = graph.spans.get(graph.variables[missing[0]])
        verb = "has" if len(missing) == 1 else "have"
        return BackpropError(f"{shown} {verb} no value", source=self.text, span=span, hint=hint)

    def chosen(self, wrt: Sequence[str] | None) -> tuple[str, ...]:
        """The variables that are differentiated, each once; all of them for None. Raises BackpropError for others."""
        if wrt is None:
            return self.variables
        chosen = dict.fromkeys([names.canonical(name) for name in wrt])
        known = set(self.variables)
        for name in chosen:
            if name not in known:
                raise self._unknown(name)
        return tuple(chosen)

    def _binding(self, name: str) -> Value:
        graph = binding(self._program, name)
        scene = setting(graph, {}, text=self.text, max_nodes=self._max_nodes, max_bytes=self._max_bytes)
        with scene.quietly():
            value = fold(scene.graph, scene.algebra, {})[scene.graph.outputs[0]]
        try:
            return value_of(name, _held(value, scene.dims_of(scene.graph.outputs[0])), ieee=False)
        except BackpropError:
            raise BackpropError(
                f"{name} is given a value that is no finite number",
                source=self.text,
                span=self._program.bindings[name].span,
                hint=f"give {name} a finite number",
            ) from None

    # Graphs and traces

    def _graph(self, nodes: str) -> Graph:
        """The graph at this granularity; each is built once."""
        if nodes not in self._graphs:
            self._graphs[nodes] = self._graph_of(self._program, nodes)
        return self._graphs[nodes]

    def graph_at(self, point: Mapping[str, Value], nodes: str = "gates") -> Graph:
        """The graph at this granularity as it is read at a point that gives every variable a value, over any shapes."""
        program = self._program_at({name: value_of(name, point[name], ieee=True) for name in self.variables})
        return self._graph(nodes) if program is self._program else self._graph_of(program, nodes)

    def _graph_of(self, program: Program, nodes: str) -> Graph:
        if nodes != "elementary":
            return build(program, steps=nodes == "steps", max_nodes=self._max_nodes, derive=_derivative_nodes)
        from backpropcli.passes.elementary import elementary

        gates = self._graph("gates") if program is self._program else self._graph_of(program, "gates")
        return elementary(gates, self._max_nodes)

    def _settle(self, point: Mapping[str, Value]) -> Settled:
        """The program whose signs the shapes of a point have settled; each is settled once."""
        key = tuple([dims_of(point[name]) for name in self.variables])
        if key not in self._settled:
            from backpropcli.passes.settle import settled

            if len(self._settled) >= _SETTINGS:
                self._settled.clear()
            self._settled[key] = settled(
                self._program,
                dict(zip(self.variables, key, strict=True)),
                max_nodes=self._max_nodes,
                max_bytes=self._max_bytes,
                derive=_derivative_nodes,
            )
        return self._settled[key]

    def _program_at(self, point: Mapping[str, Value]) -> Program:
        """The program as it is read at a point: of arrays Wx is a product of matrices."""
        if not self._program.undecided:
            return self._program
        if not has_arrays(self._graph("gates")) and not any([dims_of(value) for value in point.values()]):
            return self._program
        return self._settle(point).program

    def _setting(self, nodes: str, point: Mapping[str, Value]) -> Setting:
        """The graph at this granularity, in the algebra that the point asks for; bound to its shapes only once."""
        key = nodes, tuple([dims_of(value) for value in point.values()])
        if key not in self._settings:
            if len(self._settings) >= _SETTINGS:
                self._settings.clear()
            program = self._program_at(point)
            self._settings[key] = setting(
                self._graph(nodes) if program is self._program else self._graph_of(program, nodes),
                point,
                text=self.text,
                max_nodes=self._max_nodes,
                max_bytes=self._max_bytes,
            )
        return self._settings[key]

    def _need_room(self, shown: Trace[Any], scene: Setting, directions: int) -> None:
        """Refuse tables of arrays that as plain numbers would take more than arrays may."""
        if not scene.arrays or self._max_bytes is None:
            return
        entries = sum([math.prod(dims_of(value)) for value in shown.values])
        if entries * _TOLD_BYTES * (1 + directions) > self._max_bytes:
            raise BackpropError(
                f"the tables of {entries:,} numbers would take more than {self._max_bytes >> 20:,} MiB",
                hint="ask for --only value or --only grad, or raise the limit with --max-bytes",
            )

    def _need_a_number(self, what: str, scene: Setting) -> None:
        dims = scene.dims_of(scene.graph.outputs[0])
        if dims:
            raise BackpropError(
                f"{what} is of one number, but {self.output} has {shown(dims)}",
                source=self.text,
                hint="add up its entries by sum(...), or ask for --jacobian, or --vjp with a seed of its shape",
            )

    def _output_names(self, graph: Graph) -> tuple[str, ...]:
        named = [statement.name for statement in self._program.outputs]
        inner = [name for i, name in graph.names.items() if i not in graph.outputs]
        taken = {*graph.variables, *self.bindings, *inner}
        free = _free_name({*taken, *[name for name in named if name]})
        return tuple([name or free for name in named])

    def need_one_output(self, what: str, otherwise: str = "") -> None:
        """Raise BackpropError where there are several outputs; `otherwise` is a way out besides choosing one."""
        if len(self.outputs) > 1:
            raise BackpropError(
                f"{what} needs one output, but the formula has {len(self.outputs)}: {', '.join(self.outputs[:10])}",
                source=self.text,
                span=self._program.outputs[1].span,
                hint=f"end with the one that is meant, as in ; {self.outputs[0]}{', ' if otherwise else ''}{otherwise}",
            )

    @staticmethod
    def _tangents(trace: Trace[Any], wrt: Sequence[str]) -> dict[str, Sequence[Any]]:
        """By variable, the tangent of every node; by an array, one for each of its entries, along last axes."""
        variables = trace.graph.variables
        if all([isinstance(trace.values[variables[name]], float) for name in wrt if name in variables]):
            return {name: push(trace, {name: 1.0}) for name in wrt}
        from backpropcli.passes.products import tangents

        return {name: tangents(trace, name) for name in wrt}

    @staticmethod
    def _gradient_of(
        trace: Trace[Any],
        adjoints: Sequence[Any],
        tangents: Mapping[str, Sequence[Any]] | None,
        wrt: Sequence[str],
    ) -> dict[str, Any]:
        variables = trace.graph.variables
        found = {}
        for name in wrt:
            i = variables[name]
            derivative = adjoints[i] if tangents is None else tangents[name][trace.graph.outputs[0]]
            found[name] = zeros(dims_of(trace.values[i])) if derivative is None else plain(derivative)
        return found

    # Notes

    def _findings(
        self,
        examination: Examination,
        adjoints: Sequence[Any],
        doubts: Mapping[str, Opinions],
        scene: Setting,
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
        dims = scene.dims_of(scene.graph.outputs[0])
        if len(self.outputs) == 1 and dims and not asked:
            message = f"{self.output} has {shown(dims)}: its derivatives are given by --jacobian and --vjp"
            found.append(Finding("note", -1, "outputs", message))
        if len(self.outputs) > 1 and not asked:
            told = ", ".join(self.outputs[:10]) + (", ..." if len(self.outputs) > 10 else "")
            found.append(
                Finding(
                    "note",
                    -1,
                    "outputs",
                    f"several outputs ({told}): their derivatives are given by --jacobian and --vjp",
                )
            )
        return found

    def _equations(self, scene: Setting, point: Mapping[str, Value]) -> list[Finding]:
        """What the text says is equal and is not, at this point."""
        from backpropcli.passes.equations import findings

        program = self._program_at(point) if scene.arrays else self._program
        return findings(program, point, max_nodes=self._max_nodes, max_bytes=self._max_bytes, derive=_derivative_nodes)

    def _examination(self, trace: Trace[Any], scene: Setting) -> Examination:
        names = tabulate.shown_names(trace.graph, tabulate.node_ids(trace.graph))
        gaps = self._program.gaps
        if not scene.arrays:
            return Examination(trace, self.text, names, gaps)
        from backpropcli.passes.examine_arrays import ArrayExamination

        return ArrayExamination(trace, self.text, names, gaps)

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
        trace: Trace[Any],
        scene: Setting,
        point: Mapping[str, Value],
        wrt: Sequence[str],
        findings: list[Finding],
        asked: Asked,
    ) -> dict[str, Any]:
        extras: dict[str, Any] = {}
        given = (asked.hvp, asked.jvp, asked.order)
        if not (asked.jacobian or asked.hessian or asked.partial or any([each is not None for each in given])):
            return extras
        # What is differentiated more than once is always made of gates.
        fine = scene if asked.nodes == "gates" else self._setting("gates", point)
        products = self._products(fine, point, wrt)
        if asked.jacobian:
            moving, moved = [
                sum([math.prod(dims_of(trace.values[i])) for i in nodes])
                for nodes in ([trace.graph.variables[name] for name in wrt], trace.graph.outputs)
            ]
            effort.check("jacobian", len(trace.values) * min(moving, moved), self._max_nodes)
            extras["jacobian"] = products.jacobian(trace)
        paths = [self._path(text) for text in asked.partial]
        if asked.hessian or asked.hvp is not None or asked.order is not None or paths:
            self.need_one_output("a second derivative")
            if asked.hessian or asked.hvp is not None or max([asked.order or 0, *map(len, paths)]) > 1:
                findings += [
                    finding._replace(
                        severity="warning",
                        kind="second_order_kink",
                        message=f"a second derivative is taken through a {finding.kind}: {finding.message}",
                    )
                    for finding in findings
                    if finding.kind in ("kink", "tie")
                ]
        if asked.hessian:
            self._need_a_number("a Hessian", scene)
            if not scene.arrays:
                effort.check("hessian", len(fine.graph.nodes) * len(wrt), self._max_nodes)
            extras["hessian"] = products.hessian()
        if asked.hvp is not None:
            self._need_a_number("a Hessian", scene)
            extras["hvp"] = products.hessian_vector(self._direction(asked.hvp, point))
        if asked.jvp is not None:
            self.need_one_output("--jvp")
            extras["jvp"] = products.along(trace, self._direction(asked.jvp, point))
        if asked.order is not None:
            _need_one_variable(wrt)
            extras["derivatives"] = products.derivatives(wrt[0], asked.order)
        if paths:
            extras["partial"] = {",".join(path): products.mixed(path) for path in paths}
        return extras

    def _products(self, scene: Setting, point: Mapping[str, Value], wrt: Sequence[str]) -> Products | ArrayProducts:
        if not scene.arrays:
            from backpropcli.passes.derivatives import Products

            return Products(scene.graph, point, wrt, self._max_nodes)
        from backpropcli.passes.products import ArrayProducts

        return ArrayProducts(scene, scene.inputs(point), wrt, self._max_nodes, self._max_bytes)

    def _finite_differences(
        self,
        trace: Trace[Any],
        scene: Setting,
        seeds: Sequence[Value],
        gradient: Mapping[str, float],
        findings: Sequence[Finding],
    ) -> dict[str, Any]:
        from backpropcli.passes.finite_differences import FAIL, finite_differences, weighted

        if len(self.outputs) > 1 and (not seeds or scene.arrays):
            otherwise = "" if scene.arrays else f"or weigh them, as in --vjp '{_example_seed(self.outputs)}'"
            self.need_one_output("--finite-differences", otherwise)
        if not scene.arrays and list(seeds) != [1.0]:
            trace = weighted(trace, seeds)
        shown = tabulate.shown_names(trace.graph, tabulate.node_ids(trace.graph))
        special = [(finding.node, finding.kind) for finding in findings]
        left_out = 0
        if scene.arrays:
            from backpropcli.passes import array_differences

            self._need_a_number("--finite-differences", scene)
            found, left_out = array_differences.finite_differences(trace, shown, special)
        else:
            found = finite_differences(trace, shown, special, gradient, self._max_nodes)
        ok = all([comparison.verdict != FAIL for comparison in found])
        told: dict[str, Any] = {"ok": ok, "entries": [comparison._asdict() for comparison in found]}
        return {**told, "left_out": left_out} if left_out else told

    def _diagnosis(
        self,
        scene: Setting,
        point: Mapping[str, Value],
        wrt: Sequence[str],
        ids: Sequence[str],
        owners: Mapping[int, int],
    ) -> dict[str, Any]:
        from backpropcli.passes.diagnose import diagnose
        from backpropcli.passes.diagnose import plain as told

        self.need_one_output("--diagnose")
        if scene.arrays:
            raise BackpropError("--diagnose is about formulas over numbers, and here are arrays", hint="leave it out")
        graph = scene.graph
        trace = linearize(graph, scene.algebra, point)
        examination = self._examination(trace, scene)
        return told(diagnose(examination, pull(trace, 1.0), wrt), examination, ids, owners)

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

    def _direction(self, direction: Mapping[str, Any], point: Mapping[str, Value]) -> dict[str, Value]:
        found = {}
        for name, number in direction.items():
            key = names.canonical(name)
            if key not in self.variables:
                raise self._unknown(key)
            found[key] = value_of(key, number, ieee=False)
            own, needed = dims_of(found[key]), dims_of(point[key])
            if own != needed:
                raise BackpropError(
                    f"the direction in {key} is {shown(own)}, but {key} is {shown(needed)}",
                    hint="a direction has an entry for each of the variable's",
                )
        return found


def _derivative_nodes(builder: GraphBuilder, part: Graph, wrt: Sequence[str]) -> dict[str, int]:
    from backpropcli.passes.derivatives import derivative_nodes

    return derivative_nodes(builder, part, wrt)


def constant(text: str) -> Value:
    """The value of a constant formula, such as pi/2; a NumPy array where it is an array."""
    program = read(text)
    graph = build(program)
    if graph.variables:
        raise BackpropError(
            f"expected a number or a constant formula, but found the name {next(iter(graph.variables))}",
            source=text,
            span=graph.spans.get(next(iter(graph.variables.values()))),
            hint="give a number, or a formula over numbers such as pi/2",
        )
    scene = setting(graph, {}, text=text, max_nodes=None, max_bytes=MAX_BYTES)
    with scene.quietly():
        value = fold(scene.graph, scene.algebra, {})[scene.graph.outputs[0]]
    return _held(value, scene.dims_of(scene.graph.outputs[0]))


_TOLD_BYTES = 128
"""What an entry of an array takes in the tables: its value, its adjoint and what comes and goes, 32 bytes each."""

_LOWERED = 200_000
"""The most nodes of a program for many rows."""

_SETTINGS = 16
"""How many combinations of shapes a formula stays bound to."""


def _held(value: Any, dims: tuple[int, ...]) -> Value:
    """A value or adjoint for a user: a float, or a NumPy array; 0 where it is absent."""
    if value is None:
        value = 0.0
    if not dims:
        return plain(value)
    import numpy as np

    held = value.value if hasattr(value, "present") else value
    # What has been broadcast, or is a view, is written out, so that the user has an array of his own.
    return held if isinstance(held, np.ndarray) and held.flags.owndata else np.array(np.broadcast_to(held, dims))


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


def _pulled(trace: Trace[Any], seeds: Sequence[Any]) -> list[Any]:
    """Adjoints from these outputs; one with a seed of 0 is left out, so that its infinities are met by nothing."""
    starts = [
        (i, seed) for i, seed in zip(trace.graph.outputs, seeds, strict=False) if not isinstance(seed, float) or seed
    ]
    if not starts:
        return _nothing(trace)
    outputs, numbers = tuple([i for i, _ in starts]), [seed for _, seed in starts]
    trace = trace._replace(graph=trace.graph._replace(outputs=outputs))
    if all([isinstance(seed, float) for seed in numbers]):
        return pull(trace, *numbers)
    from backpropcli.passes.products import pulled

    return pulled(trace, *numbers)


def _told(derivative: float | None) -> float:
    """A derivative as it is told: 0 where there is no path."""
    return 0.0 if derivative is None else derivative


def _doubts(
    examination: Examination, adjoints: Sequence[Any], seeds: Sequence[Any], wrt: Sequence[str], scene: Setting
) -> dict[str, Opinions]:
    """What both sweeps make of the derivatives that the backward sweep leaves without a finite value."""
    variables = examination.graph.variables
    if scene.arrays or all([math.isfinite(adjoints[variables[name]] or 0.0) for name in wrt]):
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
