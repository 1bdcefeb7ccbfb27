"""Text for a terminal: of one student every answer that is not right, of a class a line a student and a line a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.text import Text

from backpropcli.homework.compared import Change, ChangedAnswer
from backpropcli.homework.feedback import StepCount, Told, ToldResult, statistics
from backpropcli.homework.misconceptions import BY_NAME
from backpropcli.homework.model import BY_ROUNDING, FOLLOW_THROUGH, MISSING, RIGHT, TOO_COARSE, UNREADABLE, WRONG
from backpropcli.homework.results import Marks, _words, points
from backpropcli.rendering import Style
from backpropcli.rendering._drawing import FAINT, STRONG, drawn, flow, listed, paragraph
from backpropcli.rendering._drawing import WRONG as RED
from backpropcli.rendering._layout import Block, Cell, Column, Part, line_of
from backpropcli.rendering._style import left_out, words

GREEN, YELLOW = "green", "yellow"
_LOOKS = {RIGHT: GREEN, BY_ROUNDING: GREEN, FOLLOW_THROUGH: YELLOW, WRONG: RED, UNREADABLE: RED, TOO_COARSE: YELLOW}
_CLAIMED = 24
"""How much of an answer a table shows at least."""
_QUANTITY = (24, 16)
"""How much of what an answer is to it shows at first, and at least."""
_CHANGED = 5
"""How many of a student's answers are named that have changed."""
_MISSING = 8
"""How many missing answers are named."""
_STEPS, _TOLD = 3, 10
"""How many misconceptions are told of a step, and of all of them."""

_LEAD = Part(STRONG, least=(16, 8))
_SAID = Part("", least=(12, 6))


def render(marks: Marks, style: Style) -> Iterator[str]:
    """One student's answers, or the class; then what changes against earlier marks."""
    if marks.alone:
        yield from _student(marks.results[0], marks, style)
    else:
        yield from _class(marks, style)
    if marks.changes is not None:
        yield "\n"
        yield from _changes(marks.changes, style)


def _points(score: float, most: float) -> str:
    return f"{points(score)} of {points(most)} points"


# One student


def _student(result: ToldResult, marks: Marks, style: Style) -> Iterator[str]:
    who = "Your numbers" if marks.own else f"{words(result.student, style)}, {marks.assignment}"
    score = f"{_points(result.score, result.max_score)}, {result.percent:g} %"
    if marks.own and result.counts is not None:
        score = f"{result.counts[RIGHT] + result.counts[BY_ROUNDING]} of {len(result.answers)} are right"
    yield drawn(Text.assemble((who, STRONG), f": {score}"), style)
    if result.problem is not None:
        yield drawn(Text(words(result.problem, style), RED), style)
        return
    shown = [each for each in result.answers if marks.own or each.verdict not in (RIGHT, MISSING)]
    if shown:
        yield "\n"
        yield from _answers(shown, marks, several=len({each.question for each in result.answers}) > 1, style=style)
    told = [(each, list(_words.remarks(each))) for each in shown]
    if any([said for _, said in told]):
        yield "\n"
    for each, said in told:
        if said:
            yield paragraph(words(_words.quantity(each), style), words("; ".join(said), style), style)
    if result.answers and not marks.own:
        yield "\n"
        yield drawn(Text(_words.summary(result)), style)
    missing = [words(_words.quantity(each), style) for each in result.answers if each.verdict == MISSING]
    if missing:
        more = f" and {len(missing) - _MISSING:,} more" if len(missing) > _MISSING else ""
        yield paragraph("missing", f"{', '.join(missing[:_MISSING])}{more}", style)
    if result.first_wrong is not None:
        yield drawn(Text.assemble("first wrong step: ", (words(result.first_wrong, style), STRONG)), style)


def _answers(answers: Sequence[Told], marks: Marks, *, several: bool, style: Style) -> Iterator[str]:
    columns = [
        Column("quantity", (_LEAD._replace(least=_QUANTITY),)),
        Column("answer", (Part("", least=(_CLAIMED, 8)),)),
        Column("verdict", (Part(),)),
    ]
    if not marks.own:
        columns.append(Column("points", (Part(),)))
    if several:
        columns.insert(0, Column("question", (_SAID,)))

    def row(told: Told) -> Sequence[Cell]:
        texts: list[str | Block] = [
            words(_words.quantity(told), style),
            words(told.claimed, style),
            _verdict(told, style),
        ]
        if not marks.own:
            texts.append(f"{points(told.points)}/{points(told.worth)}")
        if several:
            texts.insert(0, told.question)
        return [(line_of(text),) for text in texts]

    yield from listed(columns, answers, row, style)


def _verdict(told: Told, style: Style) -> str | Block:
    """The verdict, in one line or, where there is little room, in several."""
    text = words(_words.verdict(told), style)
    pieces = text.split()
    if len(pieces) == 1:
        return text
    forms: list[tuple[str, ...]] = []
    for width in range(len(text), max(map(len, pieces)) - 1, -1):
        form = tuple(wrap(text, width, break_long_words=False, break_on_hyphens=False))
        if not forms or len(form) > len(forms[-1]):
            forms.append(form)
    return Block(tuple(forms), tuple([f"{piece} " for piece in pieces]))


# A class


def _class(marks: Marks, style: Style) -> Iterator[str]:
    title = f"{words(marks.title, style)} ({marks.assignment})" if marks.title else marks.assignment
    most = max([result.max_score for result in marks.results], default=0.0)
    count = len(marks.results)
    yield drawn(Text.assemble((title, STRONG), f": {count:,} students, {points(most)} points"), style)
    if not marks.results:
        return
    yield "\n"
    yield from listed(_student_columns(marks), marks.results, lambda result: _student_row(result, marks, style), style)
    yield "\n"
    yield flow(_middle([result.percent for result in marks.results]), "    ", style)
    read = [result for result in marks.results if result.problem is None]
    steps = [step for step in statistics(read) if _troubled(step)]
    if steps:
        yield "\n"
        yield from _steps(steps, marks, style)


def _student_columns(marks: Marks) -> list[Column]:
    columns = [Column("student", (_LEAD,)), Column("points", (Part(right=True),)), Column("%", (Part(),))]
    if marks.level != "score":
        columns += [Column("wrong", (Part(RED, right=True),)), Column("follow", (Part(right=True),))]
        columns += [Column("missing", (Part(right=True),))]
    if any([result.first_wrong or result.problem for result in marks.results]):
        columns.append(Column("first wrong step", (_SAID,)))
    return columns


def _student_row(result: ToldResult, marks: Marks, style: Style) -> Sequence[Cell]:
    cells: list[Cell] = [
        (line_of(words(result.student, style)),),
        (line_of(f"{points(result.score)}/{points(result.max_score)}"),),
        (line_of(points(result.percent)),),
    ]
    if result.counts is not None:
        cells += [(line_of(str(result.counts[key] or "")),) for key in (WRONG, FOLLOW_THROUGH, MISSING)]
    if len(_student_columns(marks)) > len(cells):
        unread = "cannot be read" if result.problem is not None else ""
        cells.append((line_of(words(result.first_wrong or unread, style)),))
    return cells


def _middle(percents: Sequence[float]) -> list[Text]:
    """Where the class stands."""
    ordered = sorted(percents)
    half = len(ordered) // 2
    median = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    mean = sum(ordered) / len(ordered)
    pairs = (("mean", mean), ("median", median), ("lowest", ordered[0]), ("highest", ordered[-1]))
    return [Text(f"{name} {round(value, 1):g} %") for name, value in pairs]


def _percent(count: int, total: int) -> str:
    share = 100 * count / total
    return "<1 %" if share < 0.5 else ">99 %" if 99.5 <= share < 100 else f"{share:.0f} %"


def _troubled(step: StepCount) -> bool:
    return any([step.counts[key] for key in (WRONG, TOO_COARSE, UNREADABLE)])


def _steps(steps: Sequence[StepCount], marks: Marks, style: Style) -> Iterator[str]:
    """The numbers that somebody lacks, and what the errors are consistent with."""
    several = len({step.question for step in steps}) > 1

    def share(step: StepCount, *verdicts: str) -> Cell:
        total = sum(step.counts.values())
        count = sum([step.counts[verdict] for verdict in verdicts])
        return (line_of(_percent(count, total) if count else ""),)

    def row(step: StepCount) -> Sequence[Cell]:
        name = f"{step.question}: {step.quantity}" if several else step.quantity
        return (
            (line_of(words(name, style)),),
            share(step, RIGHT, BY_ROUNDING),
            share(step, FOLLOW_THROUGH),
            share(step, WRONG, TOO_COARSE, UNREADABLE),
            share(step, MISSING),
        )

    columns = [
        Column("step", (_LEAD,)),
        *[Column(name, (Part(look, right=True),)) for name, look in _SHARES],
    ]
    yield drawn(Text("What was wrong", STRONG), style)
    yield from listed(columns, steps, row, style)
    told = [(step, name, count) for step in steps for name, count in list((step.misconceptions or {}).items())[:_STEPS]]
    if told:
        yield "\n"
        yield drawn(Text("Consistent with", STRONG), style)
    for step, name, count in sorted(told, key=lambda each: -each[2])[:_TOLD]:
        share_of = _percent(count, sum(step.counts.values()))
        where = f"{share_of} at {words(step.quantity, style)}"
        yield paragraph(where, words(f"{BY_NAME[name].done} ({name})", style), style)
    if len(told) > _TOLD:
        yield drawn(Text(left_out(len(told) - _TOLD, style), FAINT), style)


_SHARES = (("right", GREEN), ("follow", YELLOW), ("wrong", RED), ("missing", FAINT))


# Against earlier marks


def _changes(changes: Sequence[Change], style: Style) -> Iterator[str]:
    yield drawn(Text("Against the earlier marks", STRONG), style)
    if not changes:
        yield "nobody's marks change\n"
        return
    columns = (
        Column("student", (_LEAD,)),
        Column("before", (Part(right=True),)),
        Column("now", (Part(right=True),)),
        Column("answers", (_SAID,)),
    )

    def row(change: Change) -> Sequence[Cell]:
        answers = [f"{each.quantity}: {_changed(each)}" for each in change.answers[:_CHANGED]]
        if len(change.answers) > _CHANGED:
            answers.append(f"and {len(change.answers) - _CHANGED:,} more")
        return (
            (line_of(words(change.student, style)),),
            (line_of("new" if change.before is None else points(change.before)),),
            (line_of("gone" if change.now is None else points(change.now)),),
            [line_of(words(each, style)) for each in answers or [""]],
        )

    yield from listed(columns, changes, row, style)


def _changed(answer: ChangedAnswer) -> str:
    """What is said of an answer now; where that is what was said before, its points."""
    if answer.before == answer.now:
        return f"{points(answer.points_before)} to {points(answer.points_now)} points"
    was, now = [
        "none" if verdict is None else _words.VERDICTS.get(verdict, verdict) for verdict in (answer.before, answer.now)
    ]
    return f"{was} to {now}"
