"""A lowered formula in forms that cost machines less, for engines that need not give the same bits.

Within a few roundings they give the same numbers wherever what has to be finite is. Where it is not, engines compute
with the forms of the table.
"""

from __future__ import annotations

from collections import Counter

from backpropcli.algebras.kernel_symbols import SELECT, Kernels
from backpropcli.graph import CONSTANT, VARIABLE, GraphBuilder, number_of
from backpropcli.passes.lower import Program, program_of


def multiplied(program: Program) -> Program:
    """The same with small whole powers as products: a power costs as much as ten of them."""
    return _made_of(program, _Quick(program))


def quick(program: Program) -> Program:
    """The same with sigmoids by one exponential and no choice, too, and one division by what is divided by often."""
    return _made_of(program, _Sigmoids(program))


def _made_of(program: Program, forms: _Quick) -> Program:
    builder = forms.builder
    for i, (op, args, attribute) in enumerate(program.nodes):
        if op == VARIABLE:
            forms.made.append(builder.variable(str(attribute)))
        elif op == CONSTANT:
            forms.made.append(builder.constant(number_of(attribute)))
        else:
            found = forms.form(i)
            forms.made.append(builder.apply(op, [forms.made[j] for j in args]) if found is None else found)

    def placed(nodes: tuple[int, ...]) -> list[int]:
        return [forms.made[i] for i in nodes]

    return program_of(
        builder.nodes,
        program.columns,
        placed(program.outputs),
        program.values,
        [*[forms.stand_ins.get(i, forms.made[i]) for i in program.finite], *forms.finite],
        placed(program.edges),
        placed(program.bits),
    )


class _Quick:
    """The nodes of a program, made anew one after the other."""

    def __init__(self, program: Program) -> None:
        self.nodes = program.nodes
        self.builder = GraphBuilder()
        self.kernels = Kernels(self.builder)
        self.made: list[int] = []
        self.finite: list[int] = []
        """What has to be finite for the forms to be right."""
        self.stand_ins: dict[int, int] = {}
        """By node what is finite where it is, and is there in its place."""

    def form(self, i: int) -> int | None:
        """The node of a form that costs less, where there is one."""
        op, args, _ = self.nodes[i]
        power = self._number(args[1]) if op == "pow" else None
        return None if power is None else self._power(self.made[args[0]], power)

    def _power(self, x: int, power: float) -> int | None:
        """A power as products, none of which leaves the range before the power does."""
        times, over = self.kernels.function("mul", 2), self.kernels.function("div", 2)
        if power == 2.0:
            return times(x, x)
        if power == 3.0:
            return times(times(x, x), x)
        if power == 4.0:
            return times(times(x, x), times(x, x))
        return over(self.kernels.constant(1.0), x) if power == -1.0 else None

    def _number(self, i: int) -> float | None:
        op, _, attribute = self.nodes[i]
        return number_of(attribute) if op == CONSTANT else None


class _Sigmoids(_Quick):
    """The same, with sigmoids of an argument as 1/(1 + e^-x), and those of minus the argument as e^-x times these.

    Or the other way round, by e^x. What is divided by the same more than once is multiplied by its inverse.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._known: dict[int, tuple[str, int, int]] = {}
        self._outside = {*program.outputs, *program.edges, *program.bits}
        self._users: dict[int, set[str]] = {}
        for node in self.nodes:
            for j in node.args:
                self._users.setdefault(j, set()).add(node.op)
        self._divided = Counter([node.args[1] for node in self.nodes if node.op == "div"])

    def form(self, i: int) -> int | None:
        """The node of a form that costs less, where there is one."""
        found = self._sigmoid(i)
        if found is not None:
            return self._of_sigmoid(*found)
        op, args, _ = self.nodes[i]
        if op == "div" and self._divided[args[1]] > 1:
            return self._by_inverse(*args)
        return super().form(i)

    def _by_inverse(self, above: int, below: int) -> int:
        kernels = self.kernels
        inverse = kernels.function("div", 2)(kernels.constant(1.0), self.made[below])
        self.finite.append(inverse)
        return kernels.function("mul", 2)(self.made[above], inverse)

    def _sigmoid(self, i: int) -> tuple[int, str] | None:
        """The argument and the sign by which a node is if(x < 0, e, 1)/(1 + e), where e is exp(-abs(x))."""
        op, args, _ = self.nodes[i]
        if op != "div":
            return None
        above, below = self.nodes[args[0]], self.nodes[args[1]]
        if above.op != SELECT or below.op != "add":
            return None
        condition, power, one = above.args
        relation = self.nodes[condition]
        if relation.op not in ("lt", "gt") or self._number(relation.args[1]) != 0.0 or self._number(one) != 1.0:
            return None
        x = relation.args[0]
        if sorted(below.args) != sorted((power, one)) or self._inside(power) != x:
            return None
        return x, relation.op

    def _inside(self, i: int) -> int | None:
        """What a node is exp(-abs(...)) of."""
        for op in ("exp", "neg", "abs"):
            if self.nodes[i].op != op:
                return None
            (i,) = self.nodes[i].args
        return i

    def _of_sigmoid(self, x: int, sign: str) -> int:
        kernels = self.kernels
        if x not in self._known:
            # By the power of the argument itself, where it would take an operation to turn its sign.
            turned = self._turned(x) if sign == "lt" else None
            argument = self.made[x] if turned is None else turned
            power = kernels.function("exp", 1)(argument)
            one = kernels.constant(1.0)
            whole = kernels.function("div", 2)(one, kernels.function("add", 2)(power, one))
            self._known[x] = "gt" if turned is None else "lt", power, whole
            # Beyond, the sigmoid is smaller than 1/e^709 and not 0.
            self.finite.append(power)
        known, power, whole = self._known[x]
        return whole if sign == known else kernels.function("mul", 2)(power, whole)

    def _turned(self, x: int) -> int | None:
        """Minus a node, with the signs of its numbers changed; None where other nodes than its sigmoid use it."""
        if self._users[x] <= {"abs", "lt", "gt"} and x not in self._outside:
            turned = self._of_numbers(x)
            if turned is not None:
                self.stand_ins[x] = turned
                return turned
        return None

    def _of_numbers(self, x: int) -> int | None:
        """Minus a sum of numbers and multiples, which is as much work; None for another node, or a very long sum."""
        terms, plan = [x], []
        while terms:
            i = terms.pop()
            op, args, _ = self.nodes[i]
            plan.append(i)
            if op == "add":
                terms += args
            elif op not in (CONSTANT, "sub") and not (op == "mul" and CONSTANT in [self.nodes[j].op for j in args]):
                return None
            if len(plan) > _TERMS:
                return None
        kernels, turned = self.kernels, dict[int, int]()
        for i in sorted(set(plan)):
            op, args, attribute = self.nodes[i]
            if op == CONSTANT:
                turned[i] = kernels.constant(-number_of(attribute))
            elif op == "sub":
                turned[i] = kernels.function("sub", 2)(self.made[args[1]], self.made[args[0]])
            elif op == "add":
                turned[i] = kernels.function("add", 2)(turned[args[0]], turned[args[1]])
            else:
                numbers = [self._number(j) for j in args]
                turned[i] = kernels.function("mul", 2)(
                    *[self.made[j] if n is None else kernels.constant(-n) for j, n in zip(args, numbers, strict=True)]
                )
        return turned[x]


_TERMS = 50
"""The longest sum whose signs are changed."""
