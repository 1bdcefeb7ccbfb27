"""A teacher's file: an assignment in TOML, every key looked at, and every question tried out before a sheet is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isclose, isfinite
from typing import Any, TypeVar

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.formula import Formula
from backpropcli.homework.model import ASKED, DECIMALS, FOLLOWING, ROUNDINGS, RULES, Assignment, Marking, Question
from backpropcli.homework.unseen import with_point
from backpropcli.language import names
from backpropcli.reading import sources, toml, values
from backpropcli.reading.arrays import from_lists

LEVELS = ("score", "mark", "locate", "hint", "explain", "reveal")
"""How much students are told, from least to most."""
FORMAT = 1
MAX_QUESTIONS = 100
MAX_STEPS = 1_000
"""Steps of a question: a sheet has a line for each, and a table that is filled in by hand has a dozen."""
MAX_POINTS = 1_000_000
_ID = 64
_TITLE = 200
_TEXT = 1 << 16

_POINT = "the point stands in at = { x = 4, y = 3 }, where the formula has to have a value"
_EXAMPLES = {
    "format": "format = 1",
    "id": 'id = "q1"',
    "title": 'title = "Backpropagation by hand"',
    "seed": "seed = 1",
    "decimal": 'decimal = "either"',
    "rule": 'rule = "shown"',
    "min_digits": "min_digits = 2",
    "rounding": 'rounding = "carry"',
    "follow_through": 'follow_through = "full"',
    "relative": "relative = 1e-7",
    "level": 'level = "locate"',
    "marking": "[marking]",
    "feedback": "[feedback]",
    "question": "[[question]]",
    "formula": 'formula = "z = x*y"',
    "at": "at = { x = 4, y = 3 }",
    "ask": 'ask = ["value", "gradient"]',
    "steps": 'steps = ["s = x + y", "z = s^2"]',
    "wrt": 'wrt = ["w", "b"]',
    "points": "points = { gradient = 2 }",
    "domain": "domain = { x = [0.1, 5] }",
    **{kind: f"points = {{ {kind} = 1 }}" for kind in ASKED},
}
"""By key, how it may be written."""

Found = TypeVar("Found")


def read(path: str) -> Assignment:
    """The assignment in a file; raises DataError, with the key's place and what is allowed there."""
    return parsed(sources.file_bytes(path, sources.TEXT_LIMIT, way_out="split it into several"), sources.named(path))


def parsed(contents: bytes, name: str) -> Assignment:
    """The assignment that the contents of `name` spell."""
    document = toml.document(contents, name)
    top = _Table(document, (), document.values, "an assignment")
    top.only("format", "id", "title", "decimal", "seed", "marking", "feedback", "question")
    top.choice("format", (FORMAT,), FORMAT)
    marking = top.table("marking")
    marking.only("rule", "min_digits", "rounding", "follow_through", "relative")
    feedback = top.table("feedback")
    feedback.only("level")
    decimal = top.choice("decimal", DECIMALS, "either")
    seed = top.whole("seed", 0, 2**63 - 1, 0)
    return Assignment(
        id=top.name("id"),
        title=top.text("title", _TITLE, ""),
        seed=seed,
        marking=Marking(
            rule=marking.choice("rule", RULES, "shown"),
            min_digits=marking.whole("min_digits", 1, 17, 2),
            rounding=marking.choice("rounding", ROUNDINGS, "carry"),
            follow_through=marking.choice("follow_through", FOLLOWING, "full"),
            relative=marking.number("relative", 0.0, 0.1, 1e-7),
        ),
        level=feedback.choice("level", LEVELS, "locate"),
        questions=_questions(top, decimal, seed),
    )


def _questions(top: _Table, decimal: str, seed: int) -> tuple[Question, ...]:
    tables = top.tables("question", MAX_QUESTIONS)
    found: dict[str, Question] = {}
    for table in tables:
        question = _question(table, decimal, seed)
        if question.id in found:
            raise table.error("id", f"there are two questions {question.id}", "give each an id of its own")
        found[question.id] = question
    return tuple(found.values())


def _question(table: _Table, decimal: str, seed: int) -> Question:
    table.only("id", "formula", "at", "steps", "ask", "wrt", "points", "decimal", "domain")
    question = Question(
        id=table.name("id"),
        formula=table.text("formula", _TEXT),
        point=_point(table.table("at")),
        steps=table.texts("steps", MAX_STEPS),
        ask=table.choices("ask", ASKED),
        wrt=tuple([names.canonical(name) for name in table.texts("wrt", MAX_STEPS)]),
        points=_points(table.table("points")),
        decimal=table.choice("decimal", DECIMALS, decimal),
        domain=_domain(table.table("domain")),
    )
    if question.point or not table.said("formula", lambda: _open(question)):
        _tried(question, table)
        return question
    unseen = table.said("formula", lambda: with_point(question, seed))
    _tried(unseen, table)
    return unseen


def _open(question: Question) -> bool:
    """Whether the formula has variables, and none of them has a value: then formulas are asked for."""
    formula = Formula(question.program)
    return bool(formula.variables) and not formula.bindings


def _point(table: _Table) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for written, value in table.values.items():
        name = names.canonical(written)
        if not names.is_name(name):
            raise table.error(written, f"{visible(written, 60)} is not a variable's name", "as in at = { x = 4 }")
        found[name] = table.said(written, partial(_value, value, name))
    return found


def _value(value: object, name: str) -> Any:
    """A number, an array as lists of numbers, or either as the text of a constant formula."""
    if isinstance(value, str):
        found = values.number(value, name) if not value.startswith("[") else values.read(value, name)
        return found if isinstance(found, (float, list)) else found.tolist()
    if isinstance(value, list):
        return from_lists([_floats(entry) for entry in value], name, "at", ieee=False)
    return values.number_from_document(_floats(value), name, "at")


def _floats(value: object) -> object:
    """The same with whole numbers as floats, as documents have them."""
    if isinstance(value, list):
        return [_floats(entry) for entry in value]  # As deep as `toml.document` lets in.
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 1 << 1023 else float("inf")
    return value


def _points(table: _Table) -> dict[str, float]:
    table.only(*ASKED)
    return {kind: table.number(kind, 0.0, MAX_POINTS, 1.0) for kind in table.values}


def _domain(table: _Table) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for written, value in table.values.items():
        bounds = _floats(value)
        if not (
            isinstance(bounds, list)
            and len(bounds) == 2
            and all([isinstance(each, float) and isfinite(each) for each in bounds])
            and bounds[0] < bounds[1]
        ):
            raise table.error(
                written, f"{written} takes two numbers, the less before the greater", "as in domain = { x = [0.1, 5] }"
            )
        found[names.canonical(written)] = (bounds[0], bounds[1])
    return found


def _tried(question: Question, table: _Table) -> None:
    """Refuse a question that has no answer: a formula that cannot be read, or has no value there."""
    formula = table.said("formula", lambda: Formula(question.formula, variables=question.point))
    program = formula
    if question.steps:
        program = table.said("steps", lambda: Formula(question.program, variables=question.point))
    if len(program.outputs) != 1:
        shown = ", ".join(program.outputs[:6])
        raise table.error(
            "steps" if question.steps else "formula",
            f"a question asks for one output, but here are {len(program.outputs)}: {shown}",
            "use every step in another one, but for the last",
        )
    for key, said in (("domain", question.domain), ("wrt", question.wrt)):
        unknown = [name for name in said if name not in program.variables]
        if unknown:
            has = ", ".join(program.variables[:6])
            raise table.error(key, f"the formula has no variable {visible(unknown[0], 60)}", f"it has {has}")
    report = table.said("at", lambda: program.at(question.point, tables=False))
    if question.steps:
        wanted = table.said("at", lambda: formula.at(question.point, tables=False))
        if not _close(report.value, wanted.value):
            raise table.error(
                "steps",
                f"the steps are another formula: {_told(report.value)} at this point, and not {_told(wanted.value)}",
                "the last step gives the formula's value",
            )


def _close(value: Any, wanted: Any) -> bool:
    if isinstance(value, list) or isinstance(wanted, list):
        return isinstance(value, list) and isinstance(wanted, list) and len(value) == len(wanted)
    return isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-300)


def _told(value: Any) -> str:
    return "an array" if isinstance(value, list) else f"{value:.6g}"


class _Table:
    """A table of the document, and what is expected in it."""

    def __init__(
        self, document: toml.Document, path: toml.Path, found: Mapping[str, Any], what: str, where: str = ""
    ) -> None:
        self.document = document
        self.path = path
        self.values = found
        self.what = what
        identity = found.get("id")
        named = path[:1] == ("question",) and isinstance(identity, str)
        self.where = f"question {visible(str(identity), 60)}: " if named else where
        """What messages begin with."""

    def error(self, key: str, message: str, hint: str) -> DataError:
        """What is wrong with the value of a key."""
        return self.document.error((*self.path, key), f"{self.where}{message}", hint)

    def said(self, key: str, made: Callable[[], Found]) -> Found:
        """What is made of the value of a key; what is wrong with a formula in it is said of this file."""
        try:
            return made()
        except BackpropError as problem:
            message = f"{self.document.name}: {self.where}{problem.message}"
            # What would be an option on the command line stands in the file here.
            hint = _POINT if "--" in (problem.hint or "--") else problem.hint
            if problem.span is None or not problem.source.strip():
                raise self.error(key, problem.message, hint or "") from None
            raise DataError(message, source=problem.source, span=problem.span, hint=hint) from None

    def only(self, *keys: str) -> None:
        """Refuse keys that mean nothing."""
        for key in self.values:
            if key not in keys:
                near = names.closest(key, keys)
                hint = f"did you mean {near}?" if near else f"{self.what} has {', '.join(keys)}"
                raise self.error(key, f"there is no key {visible(key, 60)} in {self.what}", hint)

    def table(self, key: str) -> _Table:
        """The table of this name; an empty one where there is none."""
        found = self.values.get(key, {})
        if not isinstance(found, dict):
            raise self._refused(key, f"a table, as in [{key}]")
        return _Table(self.document, (*self.path, key), found, f"[{key}]", self.where)

    def tables(self, key: str, most: int) -> list[_Table]:
        """The tables of a list."""
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all([isinstance(each, dict) for each in found]):
            raise self._refused(key, f"tables, each under [[{key}]]")
        if not found:
            raise DataError(f"{self.document.name} has no {key}", hint=f"write one under [[{key}]]")
        if len(found) > most:
            raise self.error(key, f"there are {len(found):,} tables {key}; the limit is {most:,}", "split the file")
        return [_Table(self.document, (*self.path, key, at), each, f"[[{key}]]") for at, each in enumerate(found)]

    def text(self, key: str, most: int, default: str | None = None) -> str:
        """A text."""
        found = self._found(key, default)
        if not isinstance(found, str) or len(found) > most or (default is None and not found.strip()):
            raise self._refused(key, f"a text of at most {most:,} characters")
        return found

    def name(self, key: str) -> str:
        """What something is called in sheets, columns and files."""
        found = self.text(key, _ID)
        if not (found.isascii() and found[0].isalnum() and all([each.isalnum() or each in "-_." for each in found])):
            raise self._refused(key, "letters, digits, - _ and ., the first a letter or a digit")
        return found

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        """A list of texts."""
        found = self.values.get(key, [])
        if not isinstance(found, list):
            raise self._refused(key, "a list of texts")
        strange = [each for each in found if not (isinstance(each, str) and each.strip())]
        if strange:
            raise self._refused(key, "a list of texts and nothing else", None, strange[0])
        if len(found) > most:
            raise self.error(key, f"there are {len(found):,} {key}, and the limit is {most:,}", "leave some out")
        return tuple(found)

    def choice(self, key: str, choices: Sequence[Found], default: Found) -> Found:
        """One of a few words or numbers."""
        found: Any = self.values.get(key, default)
        # True is 1 for Python.
        if found not in choices or isinstance(found, bool):
            near = names.closest(found, [str(each) for each in choices]) if isinstance(found, str) else None
            raise self._refused(key, _or(choices), f"did you mean {near}?" if near else None)
        return choices[choices.index(found)]

    def choices(self, key: str, choices: Sequence[str]) -> tuple[str, ...]:
        """Some of a few words; all of them where nothing is said."""
        found = self.values.get(key, list(choices))
        if not isinstance(found, list) or not found:
            raise self._refused(key, f"a list of some of {_or(choices)}, each once")
        wrong = any([each not in choices for each in found])
        if wrong or len(set(found)) < len(found):
            strange = [each for each in found if isinstance(each, str) and each not in choices] if wrong else []
            near = names.closest(strange[0], choices) if strange else None
            hint = f"did you mean {near}?" if near else None
            raise self._refused(key, f"a list of some of {_or(choices)}, each once", hint, *strange[:1])
        return tuple(found)

    def whole(self, key: str, least: int, most: int, default: int) -> int:
        """A whole number within bounds."""
        found = self.values.get(key, default)
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            raise self._refused(key, f"a whole number from {least} to {most:,}")
        return found

    def number(self, key: str, least: float, most: float, default: float) -> float:
        """A number within bounds."""
        found = _floats(self.values.get(key, default))
        if not isinstance(found, float) or not least <= found <= most:
            raise self._refused(key, f"a number from {least:g} to {most:,.10g}")
        return found

    def _found(self, key: str, default: object) -> object:
        found = self.values.get(key, default)
        if found is None:
            place = self.document.span(self.path) if self.path else None
            raise DataError(
                f"{self.document.name}: {self.where}{self.what} has no {key}",
                source=self.document.text if place else "",
                span=place,
                hint=f"write it, as in {_EXAMPLES.get(key, f'{key} = ...')}",
            )
        return found

    def _refused(self, key: str, expected: str, hint: str | None = None, found: object = None) -> DataError:
        found = self.values.get(key) if found is None else found
        shown = {str: "a text", dict: "a table", list: "a list", bool: "true or false"}.get(type(found))
        if isinstance(found, (str, int, float)) and not isinstance(found, bool):
            shown = visible(str(found) if isinstance(found, str) else f"{found:.17g}", 60) or "nothing"
        return self.error(key, f"{key} takes {expected}, not {shown or 'a date'}", hint or f"as in {_EXAMPLES[key]}")


def _or(choices: Sequence[object]) -> str:
    *head, tail = [str(each) for each in choices]
    return f"{', '.join(head)} or {tail}" if head else tail
