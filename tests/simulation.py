"""Classes of students that never were: honest ones, and ones with a wrong step, marked and counted.

    python -m tests.simulation

fills in the sheets of the lectures' formulas at random points, with two, three and four digits kept: honestly, with
every error of the catalogue at every place where it can be made, and with two or three errors at once. A student goes
on from the number as it was written or as it was computed, writes zeros at the end or leaves them out, and takes the
local derivative of a sigmoid from its input or from its result. `pytest` tries a sample of it.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from backpropcli.errors import BackpropError
from backpropcli.homework import mutations
from backpropcli.homework.board import OWN, Board
from backpropcli.homework.marking import Marker
from backpropcli.homework.misconceptions import BY_NAME
from backpropcli.homework.model import ADJOINT, EDGE, GRADIENT, LOCAL, VALUE, WRONG, Answer, Marked, Quantity, Question

DIGITS = (2, 3, 4)


class Exercise(NamedTuple):
    """A formula, drawn as steps, and where its variables are."""

    name: str
    steps: str
    ranges: Mapping[str, tuple[float, float]]


def _ranges(names: str, low: float, high: float, **others: tuple[float, float]) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(names.split(), (low, high)) | others


EXERCISES = (
    Exercise(
        "shared-sigma",
        "s = sigmoid(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r",
        _ranges("x y", 0.5, 4.0),
    ),
    Exercise("simple-circuit", "q = x + y; f = q*z", _ranges("x y z", -5.0, 5.0)),
    Exercise(
        "sigmoid-circuit",
        "a = w0*x0; b = w1*x1; c = a + b; d = c + w2; e1 = -d; g = exp(e1); h = 1 + g; f = 1/h",
        _ranges("w0 x0 w1 x1 w2", -2.0, 2.0),
    ),
    Exercise(
        "logistic-regression",
        "a = w0*x0 + w1*x1 + b; p = sigmoid(a); l1 = log(p); m = 1 - p; l0 = log(m); J = t*l1 + (1 - t)*l0",
        _ranges("w0 x0 w1 x1 b", -1.5, 1.5, t=(0.0, 1.0)),
    ),
    Exercise(
        "two-layer-net",
        "a1 = a11*x1 + a12*x2; a2 = a21*x1 + a22*x2; z1 = sigmoid(a1); z2 = sigmoid(a2); o = b1*z1 + b2*z2;"
        " y = sigmoid(o); J = log(y)",
        _ranges("x1 x2 a11 a12 a21 a22 b1 b2", -2.0, 2.0),
    ),
    Exercise("rule-branch", "a = x^2; b = 3*x; c = exp(x); f = a + b + c", _ranges("x", -2.0, 2.0)),
    Exercise("max-router", "p = x*y; m = max(p, z); f = 2*m", _ranges("x y z", -4.0, 4.0)),
    Exercise("reciprocal", "u = x*y; v = 1/u; w = v*x; f = w + u", _ranges("x y", 0.5, 4.0)),
    Exercise("tanh-neuron", "a = w*x; h = tanh(a); e1 = h - t; L = 1/2*e1^2", _ranges("w x t", -1.5, 1.5)),
    Exercise("quotient", "u = x*y; v = x + y; f = u/v", _ranges("x y", 0.5, 6.0)),
    Exercise("elementary", "u = x^2; v = sin(u); w = log(u); f = v*w", _ranges("x", 0.5, 2.5)),
    Exercise("layer", "a = w*x + b; h = sigmoid(a); L = 1/2*(h - y)^2", _ranges("w x b y", -1.5, 1.5)),
    Exercise("rectifier", "a = w*x; h = relu(a); g = relu(b); f = h*v + g*x", _ranges("w x b v", -2.0, 2.0)),
    Exercise("softmax-of-two", "p = exp(x); q = exp(y); s = p + q; r = p/s; J = -log(r)", _ranges("x y", -1.5, 1.5)),
)


class Habits(NamedTuple):
    """How a student writes and goes on."""

    digits: int
    carries: bool
    """Whether he goes on from the number as written."""
    zeros: bool
    """Whether zeros at the end are written."""
    over_result: bool
    """Whether local derivatives come from the step's result where there is such a form."""


class Error(NamedTuple):
    """A wrong step: where, what, and the number that comes out of the student's own."""

    quantity: Quantity
    name: str
    number: Callable[[Mapping[Quantity, float]], float]
    text: Callable[[str], str] | None = None
    """Of a slip of the pen what it makes of the text."""


def written(number: float, habits: Habits) -> str:
    """A number as a student writes it; a whole one is exact."""
    if number == round(number) and abs(number) < 1e6:
        return str(int(number))
    text = f"{number:.{habits.digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    if habits.zeros:
        shown = len(text.lstrip("-").replace(".", "").lstrip("0"))
        if shown < habits.digits and abs(number) < 10 ** (habits.digits - 1):
            text += ("" if "." in text else ".") + "0" * (habits.digits - shown)
    return text


def decimals(number: float, habits: Habits) -> str:
    """The same with so many decimals, however few digits these are."""
    return str(int(number)) if number == round(number) and abs(number) < 1e6 else f"{number:.{habits.digits}f}"


def powers(number: float, habits: Habits) -> str:
    """The same with a power of ten."""
    return f"{number:.{habits.digits - 1}e}"


def rounded(number: float, habits: Habits) -> str:
    """The same with zeros at the end of large numbers: 1230."""
    if not number or number == round(number):
        return str(int(number))
    kept = round(number, habits.digits - 1 - math.floor(math.log10(abs(number))))
    return str(int(kept)) if kept == int(kept) and abs(kept) >= 10 else f"{kept:.10g}"


Writing = Callable[[float, Habits], str]
STYLES: dict[str, tuple[Writing, tuple[int, ...]]] = {
    "digits": (written, DIGITS),
    "decimals": (decimals, (1, 2, 3, 4)),
    "powers": (powers, (1, 2, 3, 4)),
    "zeros": (rounded, DIGITS),
}
"""Ways to write numbers, and how many digits or decimals are kept: one digit is an honest habit too."""


def sheet(
    board: Board, habits: Habits, errors: Iterable[Error] = (), write: Writing = written
) -> dict[Quantity, str] | None:
    """What a student writes, with these wrong steps in it; None where a wrong step comes out right, or as nothing."""
    wrong = {error.quantity: error for error in errors}
    own: dict[Quantity, float] = {}
    found: dict[Quantity, str] = {}
    for quantity in board.truth:
        number = right_number(board, quantity, own, habits)
        if not math.isfinite(number):
            return None
        text = write(number, habits)
        error = wrong.get(quantity)
        if error is not None:
            honest = text
            number = error.number(own)
            if not math.isfinite(number) or abs(number) > 1e6:
                return None
            text = write(number, habits)
            if error.text is not None:
                text = error.text(honest)
                number = float(text)
            if float(text) == float(honest):
                return None
        found[quantity] = text
        own[quantity] = float(text) if habits.carries or (error is not None and error.text) else number
    return found


def right_number(board: Board, quantity: Quantity, own: Mapping[Quantity, float], habits: Habits) -> float:
    """What follows from a student's own numbers."""

    def value(name: str) -> float:
        return board.point[name] if name in board.point else own[Quantity(VALUE, name)]

    if quantity.kind == VALUE:
        form = board.value_of[quantity.node]
        return form.function([value(name) for name in form.names])
    if quantity.kind == LOCAL:
        forms = board.local_of[quantity.node, str(quantity.by)]
        form = forms[1] if habits.over_result and len(forms) > 1 else forms[0]
        return form.function([value(quantity.node if name == OWN else name) for name in form.names])
    if quantity.kind == EDGE:
        return own[Quantity(ADJOINT, quantity.node)] * own[quantity._replace(kind=LOCAL)]
    return math.fsum(contributions(board, quantity, own)) if quantity != Quantity(ADJOINT, board.output) else 1.0


def contributions(board: Board, quantity: Quantity, own: Mapping[Quantity, float]) -> list[float]:
    """What comes back along the uses of a node or variable."""
    node = quantity.node if quantity.kind == ADJOINT else str(quantity.by)
    return [own[Quantity(EDGE, user, node)] for user in board.uses[node]]


# Errors

_SLIPS = ("sign_flipped", "decimal_shift", "digit_transposition")


def errors_at(board: Board, quantity: Quantity, rng: random.Random) -> Iterator[Error]:
    """Every error of the catalogue that can be made at this place."""
    if quantity.kind in (VALUE, LOCAL):
        yield from _in_step(board, quantity)
    elif quantity.kind == EDGE:
        if quantity.node != board.output:
            yield Error(quantity, "upstream_factor_missing", lambda own: own[quantity._replace(kind=LOCAL)])
        yield Error(quantity, "local_factor_missing", lambda own: own[Quantity(ADJOINT, quantity.node)])
    elif quantity != Quantity(ADJOINT, board.output):
        yield from _in_sum(board, quantity)
        if quantity.kind == ADJOINT:
            yield Error(quantity, "value_for_adjoint", lambda own: own[Quantity(VALUE, quantity.node)])
    for name in _SLIPS:
        yield Error(quantity, name, lambda own: 0.0, functools.partial(slipped, name, rng.random()))


def _in_step(board: Board, quantity: Quantity) -> Iterator[Error]:
    step = board.steps[quantity.node]
    leaf = step.graph.variables.get(str(quantity.by))
    whole = [node.attribute for node in board.whole.nodes if node.op == "constant"]
    for edit in mutations.edits(step.graph, [number for number in whole if isinstance(number, float)]):
        if edit.name in ("loss_sign", "point_swapped") or (quantity.kind == VALUE and not edit.values):
            continue

        def number(own: Mapping[Quantity, float], edit: mutations.Edit = edit) -> float:
            inputs = {
                name: board.point[name] if name in board.point else own[Quantity(VALUE, name)] for name in step.inputs
            }
            made = mutations.run(step.graph, inputs, edit)
            if quantity.kind == VALUE:
                return made.values[step.graph.outputs[0]]
            return 0.0 if leaf is None else made.adjoints[leaf] or 0.0

        yield Error(quantity, edit.name, number)


def _in_sum(board: Board, quantity: Quantity) -> Iterator[Error]:
    node = quantity.node if quantity.kind == ADJOINT else str(quantity.by)
    count = len(board.uses[node])
    if count < 2:
        return
    for name, word in (
        ("fanout_one_branch_only", "one_branch"),
        ("fanout_product", "multiplied"),
        ("fanout_averaged", "averaged"),
        ("fanout_subtracted", "subtracted"),
    ):
        for place in range(len(mutations.combined([1.0] * count, word))):

            def number(own: Mapping[Quantity, float], word: str = word, place: int = place) -> float:
                return mutations.combined(contributions(board, quantity, own), word)[place]

            yield Error(quantity, name, number)


def slipped(name: str, chance: float, text: str) -> str:
    """A text with a slip of the pen in it; the text itself where there is no room for one."""
    if name == "sign_flipped":
        return text[1:] if text.startswith("-") else f"-{text}" if float(text) else text
    if name == "decimal_shift":
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent or 0) + (1 if chance < 0.5 else -1)}" if float(text) else text
    digits = [k for k, character in enumerate(text.partition("e")[0]) if character.isdigit()]
    first = next((k for k in digits if text[k] != "0"), len(text))
    pairs = [(a, b) for a, b in itertools.pairwise(digits) if a >= first and text[a] != text[b] and text[b] != "0"]
    if not pairs:
        return text
    a, b = pairs[int(chance * len(pairs))]
    characters = list(text)
    characters[a], characters[b] = characters[b], characters[a]
    return "".join(characters)


# Classes


class Count(NamedTuple):
    """What became of the students of one kind."""

    students: int = 0
    exact: int = 0
    """Those who have exactly their wrong steps flagged."""
    missed: int = 0
    """Wrong steps that were not flagged."""
    steps: int = 0
    """Wrong steps."""
    blamed: int = 0
    """Right steps that were flagged."""
    told: int = 0
    """Flagged steps of which something can be said."""
    named: int = 0
    """Those of which the right family is named."""
    first: int = 0
    """Those of which it is named first."""

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(*[a + b for a, b in zip(self, other, strict=True)])


def points(exercise: Exercise, rng: random.Random) -> Iterator[Board]:
    """The exercise at random points, with one decimal or two."""
    while True:
        decimals = rng.choice((1, 1, 2))
        point = {name: round(rng.uniform(*ends), decimals) for name, ends in exercise.ranges.items()}
        question = Question(exercise.name, exercise.steps, point, tuple(exercise.steps.split("; ")))
        try:
            yield Board(question)
        except BackpropError:
            continue


def marked(marker: Marker, texts: Mapping[Quantity, str]) -> Sequence[Marked]:
    """A sheet, marked."""
    return marker.mark([Answer(quantity, text) for quantity, text in texts.items()])


def judged(marker: Marker, texts: Mapping[Quantity, str], errors: Sequence[Error]) -> Count:
    """What became of one student."""
    found = marked(marker, texts)
    flagged = {each.quantity: each for each in found if each.verdict == WRONG}
    places = {error.quantity: error for error in errors}
    located = [quantity for quantity in places if quantity in flagged]
    told = named = first = 0
    for quantity in located:
        if not _tells(marker.board, quantity, texts[quantity]):
            continue
        told += 1
        families = [BY_NAME[name].family for name in flagged[quantity].misconceptions]
        family = BY_NAME[places[quantity].name].family
        named += family in families
        first += families[:1] == [family]
    return Count(
        1,
        flagged.keys() == places.keys(),
        len(places) - len(located),
        len(places),
        len(flagged.keys() - places.keys()),
        told,
        named,
        first,
    )


def _tells(board: Board, quantity: Quantity, text: str) -> bool:
    """Whether a wrong number shows enough to say what was done: one digit does not."""
    digits = text.lstrip("-").partition("e")[0].replace(".", "").lstrip("0")
    return len(digits) >= 2 or ("." not in text and "e" not in text)


def honest(rounds: int, seed: int, style: str = "digits") -> Counter[str]:
    """Verdicts of students without a wrong step, who write their numbers in one of the styles."""
    write, digits = STYLES[style]
    rng = random.Random(f"honest {seed}")
    verdicts: Counter[str] = Counter()
    for exercise in EXERCISES:
        boards = points(exercise, rng)
        for _ in range(rounds):
            board = next(boards)
            marker = Marker(board.question)
            for kept in digits:
                for carries, zeros, over in _HABITS:
                    texts = sheet(board, Habits(kept, carries, zeros, over), write=write)
                    if texts is not None:
                        verdicts.update([each.verdict for each in marked(marker, texts)])
                        verdicts["students"] += 1
    return verdicts


_HABITS = [(carries, zeros, over) for carries in (True, False) for zeros in (True, False) for over in (True, False)]


def single(
    rounds: int, seed: int, digits: Sequence[int] = DIGITS, part: float = 1.0, watch: Callable[..., None] | None = None
) -> dict[int, dict[str, Count]]:
    """By digits kept and by error, what became of students with one wrong step; `part` of all of them."""
    rng = random.Random(f"single {seed}")
    found: dict[int, dict[str, Count]] = {kept: defaultdict(Count) for kept in digits}
    for exercise in EXERCISES:
        boards = points(exercise, rng)
        for _ in range(rounds):
            board = next(boards)
            marker = Marker(board.question)
            for quantity in board.truth:
                for error in errors_at(board, quantity, rng):
                    if rng.random() > part:
                        continue
                    for kept in digits:
                        habits = Habits(kept, *rng.choice(_HABITS))
                        texts = sheet(board, habits, [error])
                        if texts is None:
                            continue
                        count = judged(marker, texts, [error])
                        found[kept][error.name] = found[kept][error.name].plus(count)
                        if watch is not None:
                            watch(marker, texts, [error], habits, count)
    return found


def several(
    rounds: int, seed: int, digits: Sequence[int] = DIGITS, watch: Callable[..., None] | None = None
) -> dict[int, Count]:
    """By digits kept, what became of students with two or three independent errors."""
    rng = random.Random(f"several {seed}")
    found: dict[int, Count] = dict.fromkeys(digits, Count())
    for exercise in EXERCISES:
        boards = points(exercise, rng)
        for _ in range(rounds):
            board = next(boards)
            marker = Marker(board.question)
            every = {quantity: list(errors_at(board, quantity, rng)) for quantity in board.truth}
            places = [quantity for quantity, errors in every.items() if errors]
            chosen = rng.sample(places, min(rng.choice((2, 3)), len(places)))
            errors = [rng.choice(every[quantity]) for quantity in chosen]
            for kept in digits:
                habits = Habits(kept, *rng.choice(_HABITS))
                texts = sheet(board, habits, errors)
                if texts is not None:
                    count = judged(marker, texts, errors)
                    found[kept] = found[kept].plus(count)
                    if watch is not None:
                        watch(marker, texts, errors, habits, count)
    return found


def finals(rounds: int, seed: int, digits: Sequence[int] = DIGITS, part: float = 1.0) -> dict[int, Count]:
    """By digits kept, what became of students who give the derivatives alone, with one thing done wrongly anywhere."""
    rng = random.Random(f"finals {seed}")
    found: dict[int, Count] = dict.fromkeys(digits, Count())
    for exercise in EXERCISES:
        boards = points(exercise, rng)
        for _ in range(rounds):
            board = next(boards)
            marker = Marker(board.question)
            answers = {name: Quantity(GRADIENT, board.output, name) for name in board.point}
            constants = [node.attribute for node in board.whole.nodes if isinstance(node.attribute, float)]
            for edit in mutations.edits(board.whole, constants):
                if rng.random() > part:
                    continue
                made = mutations.run(board.whole, board.point, edit)
                wrong = {name: made.adjoints[board.places[name]] or 0.0 for name in answers}
                if not all([math.isfinite(number) for number in wrong.values()]):
                    continue
                for kept in digits:
                    habits = Habits(kept, *rng.choice(_HABITS))
                    texts = {answers[name]: written(number, habits) for name, number in wrong.items()}
                    if all([float(text) == float(written(board.truth[q], habits)) for q, text in texts.items()]):
                        continue
                    flagged = [each for each in marked_alone(marker, texts) if each.verdict == WRONG]
                    families = [[BY_NAME[name].family for name in each.misconceptions] for each in flagged]
                    told = bool(families) and any([_tells(board, each.quantity, each.claimed) for each in flagged])
                    family = BY_NAME[edit.name].family
                    named = told and any([family in every for every in families])
                    first = told and any([every[:1] == [family] for every in families])
                    count = Count(1, bool(flagged), not flagged, 1, 0, told, named, first)
                    found[kept] = found[kept].plus(count)
    return found


def marked_alone(marker: Marker, texts: Mapping[Quantity, str]) -> Sequence[Marked]:
    """Some answers, marked without the rest of the sheet."""
    return marker.mark([Answer(quantity, text) for quantity, text in texts.items()], missing=False)


def total(counts: Iterable[Count]) -> Count:
    """All together."""
    return functools.reduce(Count.plus, counts, Count())


def main() -> int:
    parser = argparse.ArgumentParser(description="Mark classes of simulated students, and count.")
    parser.add_argument("--rounds", type=int, default=6, help="points an exercise")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--errors", action="store_true", help="a line an error too")
    parser.add_argument("--show", type=int, default=0, help="so many students who were judged wrongly")
    options = parser.parse_args()
    left = [options.show]

    def watch(
        marker: Marker, texts: Mapping[Quantity, str], errors: Sequence[Error], habits: Habits, count: Count
    ) -> None:
        if left[0] and (count.exact < 1 or count.named < count.told):
            left[0] -= 1
            print(habits, marker.question.formula, dict(marker.board.point))
            print("   errors:", [(error.name, error.quantity.shown, texts[error.quantity]) for error in errors])
            for each in marked(marker, texts):
                if each.verdict == WRONG or each.quantity in [error.quantity for error in errors]:
                    print("  ", each.quantity.shown, each.claimed, each.verdict, each.misconceptions, each.truth)

    for style in STYLES:
        verdicts = honest(options.rounds, options.seed, style)
        print(f"honest, {style}: {verdicts['students']} students, {verdicts['wrong']} flagged; {dict(verdicts)}")
    for kept, by_error in single(options.rounds, options.seed, watch=watch).items():
        count = total(by_error.values())
        print(f"one error, {kept} digits: {line(count)}")
        if options.errors:
            for name, each in sorted(by_error.items(), key=lambda item: item[1].exact / item[1].students):
                print(f"    {name:36} {line(each)}")
    for kept, count in several(20 * options.rounds, options.seed, watch=watch).items():
        print(f"two or three, {kept} digits: {line(count)}; {1 - count.missed / count.steps:.1%} of errors located")
    for kept, count in finals(options.rounds, options.seed).items():
        print(f"derivatives alone, {kept} digits: {line(count)}")
    return 0


def line(count: Count) -> str:
    """The counts in words."""
    return (
        f"{count.students} students, {count.exact / count.students:.1%} exactly located, {count.blamed} right steps"
        f" flagged, family named {count.named / max(1, count.told):.1%}, first {count.first / max(1, count.told):.1%}"
        f" of {count.told}"
    )


if __name__ == "__main__":
    sys.exit(main())
