"""What is said of an answer in words, the same in every format for people."""

from __future__ import annotations

from collections.abc import Iterator

from backpropcli.homework.feedback import Told, ToldResult
from backpropcli.homework.model import BY_ROUNDING, FOLLOW_THROUGH, MISSING, RIGHT, TOO_COARSE, UNREADABLE, WRONG

VERDICTS = {
    RIGHT: "right",
    BY_ROUNDING: "right by rounding",
    FOLLOW_THROUGH: "follows through",
    WRONG: "wrong",
    TOO_COARSE: "too coarse",
    MISSING: "missing",
    UNREADABLE: "unreadable",
}
FAILED = frozenset({WRONG, TOO_COARSE, UNREADABLE})
"""What is no right answer and not missing."""
_ROOTS = 2
"""How many wrong steps are named of what follows from them."""
_MEANING = {
    BY_ROUNDING: "it follows from your rounded numbers",
    FOLLOW_THROUGH: "a right step on a wrong number",
    TOO_COARSE: "one digit proves nothing: write more",
}


def quantity(told: Told) -> str:
    """What was answered, and of a sum that is written apart which part."""
    return told.quantity if told.via is None else f"{told.quantity} {_via(told.via)}"


def named(told: Told) -> str:
    """What was answered of which question, in one text; one's own numbers are of none."""
    return f"{told.question}: {quantity(told)}" if told.question else quantity(told)


def _via(via: str) -> str:
    return via if via.startswith("[") else f"via {via}"


def verdict(told: Told) -> str:
    """The verdict; of what follows from wrong steps, which ones, so far as that may be said."""
    if not told.because:
        return VERDICTS[told.verdict]
    more = f" and {len(told.because) - _ROOTS} more" if len(told.because) > _ROOTS else ""
    return f"follows from {', '.join(told.because[:_ROOTS])}{more}"


def remarks(told: Told) -> Iterator[str]:
    """Whatever may be said of an answer beyond its verdict, a sentence each."""
    if told.problem:
        yield told.problem
    if told.hint:
        yield told.hint
    if told.rule:
        yield f"the step is {told.rule}"
    if told.truth is not None:
        yield f"true is {shown(told.truth)}"
    if told.follows is not None:
        yield f"from your numbers it is {shown(told.follows)}"


def message(told: Told) -> str:
    """The verdict and all that may be said, in one line."""
    said = [verdict(told), *remarks(told)]
    if len(said) == 1 and told.verdict in _MEANING:
        said.append(_MEANING[told.verdict])
    return "; ".join(said)


def shown(value: object) -> str:
    """A true number as it is revealed: with six digits; arrays as formulas have them."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join([shown(entry) for entry in value])}]"
    return str(value)


def summary(result: ToldResult) -> str:
    """How many answers have each verdict: `20 right, 10 that follow, 3 wrong`."""
    counts = [f"{count} {_counted(verdict, count)}" for verdict, count in (result.counts or {}).items() if count]
    return ", ".join(counts)


def _counted(verdict: str, count: int) -> str:
    if verdict == FOLLOW_THROUGH:
        return "that follows" if count == 1 else "that follow"
    return VERDICTS[verdict]
