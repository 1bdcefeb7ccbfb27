"""Try formulas out, line by line: values, gradients, tables and explanations, with names that are kept."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from backpropcli import __version__, output, primitives
from backpropcli.commands._options import Count, Names, OneOf
from backpropcli.errors import BackpropError, described, visible
from backpropcli.formula import Formula
from backpropcli.language import names
from backpropcli.reading import points, sources
from backpropcli.rendering import Style, notes, renderer

if TYPE_CHECKING:
    from backpropcli.reading.values import Value
    from backpropcli.report import Report

PROMPT, CONTINUED = "> ", ". "
LINE_LIMIT = 1 << 20
"""Bytes of a line from a pipe."""
HISTORY = 1_000
"""Lines that are remembered from one session to the next."""
HISTORY_LIMIT = 1 << 20
"""Bytes of a history file that is read."""

COMMANDS = {
    ":table": ("[FORMULA]", "both passes as tables"),
    ":explain": ("[FORMULA]", "both passes in words, a step a node"),
    ":json": ("[FORMULA]", "all of it as JSON"),
    ":latex": ("[FORMULA]", "all of it as LaTeX"),
    ":wrt": ("[NAMES]", "differentiate by these alone, as in :wrt x,y; without names by every variable"),
    ":nodes": ("[KIND]", "what a node is in tables: gates, elementary or steps"),
    ":let": ("NAME = FORMULA", "keep a value or a definition, and print nothing"),
    ":vars": ("", "the values and definitions that are kept"),
    ":clear": ("[NAMES]", "forget these; without names everything"),
    ":help": ("", "this list"),
    ":quit": ("", "leave; so does Ctrl-D"),
}
"""By command what it takes, and what it does. Without a formula it is about the last one."""

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


@click.command("repl")
@click.option(
    "--sig-digits", type=Count(1, 17, words=("full",)), default=6, help="Significant digits shown [default: 6]."
)
@click.option("--color", type=OneOf(("auto", "always", "never")), default="auto", help="Colour [default: auto].")
@click.option("--ieee", is_flag=True, help="Compute as IEEE 754 does: NaN and Infinity come out.")
def command(sig_digits: int | str, color: str, ieee: bool) -> None:
    """Try formulas out, line by line.

    `x = 4` gives a variable its value, `s = x + y` is evaluated and kept under its name, and a formula is evaluated
    and differentiated; brackets that are open go on in the next line. :help lists the commands. Lines may also come
    from a pipe.

    \b
      backprop repl
      printf 'x = 4\\nx^2 + 1\\n:explain\\n' | backprop repl
    """
    session = Session(sig_digits, color, ieee=ieee)
    if output.is_terminal(sys.stdin) and output.is_terminal(sys.stdout):
        _converse(session)
    else:
        for text in _statements(_piped()):
            if not session.take(text):
                break


class Session:
    """What is kept from line to line: values, definitions, the last formula, and what is differentiated."""

    def __init__(self, sig_digits: int | str = 6, color: str = "auto", *, ieee: bool = False) -> None:
        self.digits = None if isinstance(sig_digits, str) else sig_digits
        self.color = color
        self.ieee = ieee
        self.values: dict[str, Value] = {}
        self.definitions: dict[str, str] = {}
        """By name, the statement; of a function by its name alone."""
        self.latex: dict[str, str] = {}
        """By name, a definition that was typed in LaTeX, as it was written."""
        self.wrt: tuple[str, ...] = ()
        self.nodes = "gates"
        self.last = ""

    def take(self, text: str) -> bool:
        """Do what a line asks for, errors told; False where it asks to leave."""
        if not text.strip():
            return True
        try:
            if text.lstrip().startswith(":"):
                return self._command(text.strip())
            self._formula(text)
        except BackpropError as problem:
            output.say([described(problem)])
        return True

    @property
    def names(self) -> Collection[str]:
        """What is kept, by name."""
        return [*self.values, *self.definitions]

    # Commands

    def _command(self, text: str) -> bool:
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        if word not in COMMANDS:
            near = [name for name in COMMANDS if name.startswith(word)] if len(word) > 1 else []
            if len(near) != 1:
                close = names.closest(word, COMMANDS)
                hint = f"did you mean {close}?" if close else ":help lists them"
                raise BackpropError(f"there is no command {visible(word, 40)}", hint=hint)
            word = near[0]
        if word == ":quit":
            return False
        if not COMMANDS[word][0] and rest:
            raise BackpropError(f"{word} takes nothing, but found {visible(rest, 40)}", hint=f"write {word} alone")
        done: Mapping[str, Callable[[str], None]] = {
            ":table": lambda text: self._show(text, "table", only="tables"),
            ":explain": lambda text: self._show(text, "explain"),
            ":json": lambda text: self._show(text, "json"),
            ":latex": lambda text: self._show(text, "latex"),
            ":wrt": self._choose,
            ":nodes": self._split,
            ":let": self._let,
            ":vars": lambda _: self._list(),
            ":clear": self._clear,
            ":help": lambda _: output.write(_help()),
        }
        done[word](rest)
        return True

    def _choose(self, text: str) -> None:
        self.wrt = () if not text else Names().convert(text, None, None)
        output.write([f"by {', '.join(self.wrt) or 'every variable'}\n"])

    def _split(self, text: str) -> None:
        kinds = ("gates", "elementary", "steps")
        if text and text not in kinds:
            raise BackpropError(
                f"nodes are {', '.join(kinds)}, but found {visible(text, 40)}", hint="as in :nodes steps"
            )
        self.nodes = text or self.nodes
        output.write([f"nodes are {self.nodes}\n"])

    def _let(self, text: str) -> None:
        if not text:
            raise BackpropError(":let lacks a name and a formula", hint="as in :let s = x + y")
        formula = self._read(text)
        if formula is None:
            return
        self._with_definitions(text)  # What cannot be, such as a definition by itself, is refused now.
        if not self._keep(formula):
            raise BackpropError(f"{visible(text, 60)} gives nothing a name", hint="as in :let s = x + y")

    def _list(self) -> None:
        from backpropcli.rendering._arrays import point

        style = self._style(sys.stdout)
        lines = [str(entry) for entry in point(_plain(self.values), style)]
        output.write(f"{line}\n" for line in [*lines, *self.definitions.values()])

    def _clear(self, text: str) -> None:
        chosen = [names.canonical(name.strip()) for name in text.split(",")] if text else list(self.names)
        for name in chosen:
            if name not in self.names:
                raise BackpropError(f"nothing is kept under the name {visible(name, 40)}", hint=":vars lists what is")
        for name in chosen:
            self._forget(name)
        if not text:
            self.wrt, self.last = (), ""

    def _forget(self, name: str) -> None:
        self.values.pop(name, None)
        self.definitions.pop(name, None)
        self.latex.pop(name, None)

    # Formulas

    def _formula(self, text: str) -> None:
        """Keep what a line names; evaluate what it asks for."""
        formula = self._read(text)
        if formula is None:
            return
        whole = self._with_definitions(text)
        kept = self._keep(formula)
        missing = self._missing(whole)
        if missing and kept:
            output.write([f"{formula.reading}\n"])
            self.last = text
            return
        self.last = text
        report = self._report(whole, tables=False)
        from backpropcli.rendering import table

        style = self._style(sys.stdout)
        output.write([table.closing(report, style)])
        self._notes(report)

    def _show(self, text: str, form: str, only: str | None = None) -> None:
        text = text or self.last
        if not text:
            raise BackpropError("there is no formula yet", hint="type one, as in x^2 + 1")
        if self._read(text) is None:
            raise BackpropError("a formula is expected, but these are values", hint="type a formula, as in x^2 + 1")
        report = self._report(self._with_definitions(text), explain=form == "explain", latex=form == "latex")
        self.last = text
        style = self._style(sys.stdout, only)
        if form == "explain":
            from backpropcli.rendering import table

            output.write(table.explanation(report, style))
        else:
            output.write(renderer(form).render(report, style))
        self._notes(report)

    def _read(self, text: str) -> Formula | None:
        """The formula of a line; None where the line gives variables their values, which are kept then."""
        name, equals, value = text.partition("=")
        if equals and value.strip().startswith("@") and names.is_name(names.canonical(name.strip())):
            given = points.pair(text, "here")
            self._give({given.name: given.read()})
            return None
        functions = self._functions(text)
        try:
            return self._made(functions + text)
        except BackpropError as problem:
            bindings = self._bindings(functions + text)
            if not bindings:
                raise problem.placed(text, None) from None
        self._give(bindings)
        return None

    def _made(self, text: str) -> Formula:
        return Formula(text, variables=self.values, structure=self.values)

    @staticmethod
    def _bindings(text: str) -> Mapping[str, Value]:
        """The values that a text gives, and does nothing else: with a number behind it, it is a formula."""
        try:
            formula = Formula(f"{text}\n\n0")  # In LaTeX one end of a line is a space.
        except BackpropError:
            return {}
        named = [statement.partition(" = ")[0] for statement in points.parts(formula.reading, ";")]
        return formula.bindings if len(named) == len(formula.bindings) + 1 else {}

    def _give(self, found: Mapping[str, Value]) -> None:
        for name, value in found.items():
            self._forget(name)
            self.values[name] = value

    def _keep(self, formula: Formula) -> bool:
        """Keep the statements of a formula that have names; whether all of them do."""
        parts = [part.strip() for part in points.parts(formula.reading, ";")]
        named = True
        for part in parts:
            left, equals, _ = part.partition(" = ")
            name = left.partition("(")[0]
            if not equals or not names.is_name(name):
                named = False
            elif name in formula.bindings:
                self._give({name: formula.bindings[name]})
            elif self.definitions.get(name) != part:
                self._forget(name)
                self.definitions[name] = part
                if name in formula.in_latex:
                    self.latex[name] = formula.in_latex[name]
        return named

    def _functions(self, text: str) -> str:
        """The functions that are kept and may be called in a text, and those that they may call."""
        found: dict[str, str] = {}
        pending = [text]
        while pending:
            inside = pending.pop()
            for name, statement in self.definitions.items():
                head = statement.partition(" = ")[0]
                called = f"{name}(" in inside.replace(" ", "") and name not in found
                if "(" in head and called and not text.replace(" ", "").startswith(head.replace(" ", "") + "="):
                    # Of arrays Wx is another product than W*x: that is known where the function is called.
                    arrays = any([not isinstance(value, float) for value in self.values.values()])
                    found[name] = self.latex.get(name, statement) if arrays else statement
                    pending.append(statement.partition(" = ")[2])
        return "".join([f"{statement}; " for statement in found.values()])

    def _with_definitions(self, text: str) -> Formula:
        """The formula of a text with the definitions that it takes, and those that they take."""
        formula = self._made(self._functions(text) + text)
        statements = [part.strip().partition(" = ") for part in points.parts(formula.reading, ";")]
        own = {name for name, equals, _ in statements if equals}
        taken: dict[str, str] = {}
        while True:
            new = [name for each in formula.variables for name in self._defining(each) if name not in {*taken, *own}]
            if not new:
                return formula
            taken = {name: self.definitions[name] for name in self.definitions if name in {*new, *taken}}
            # A definition in LaTeX that runs over an index is one in LaTeX alone.
            whole = f"{'; '.join([self.latex.get(name, part) for name, part in taken.items()])}; {text}"
            formula = self._made(self._functions(whole) + whole)

    def _defining(self, variable: str) -> list[str]:
        """The definitions that are kept and give a variable its value: its own, or one over an index, as z_j of z_1."""
        if variable in self.definitions:
            return [variable]
        if "_" not in variable or variable in self.values:
            return []
        from backpropcli.language.families import may_define

        return [name for name in self.definitions if "_" in name and may_define(name, variable)]

    def _missing(self, formula: Formula) -> list[str]:
        return [name for name in formula.variables if name not in self.values and name not in formula.bindings]

    def _report(self, formula: Formula, **asked: Any) -> Report:
        missing = self._missing(formula)
        if missing:
            raise BackpropError(
                f"{', '.join(missing[:10])}{' ...' if len(missing) > 10 else ''}"
                f" {'has' if len(missing) == 1 else 'have'} no value",
                hint=f"give {'it one' if len(missing) == 1 else 'them values'}, as in {missing[0]} = 2",
            )
        point = {name: self.values[name] for name in formula.variables if name in self.values}
        point = {name: value for name, value in point.items() if name not in formula.bindings}
        chosen = [name for name in self.wrt if name in formula.variables]
        return formula.at(point, wrt=chosen if self.wrt and chosen else None, nodes=self.nodes, ieee=self.ieee, **asked)

    # Output

    def _style(self, stream: Any, only: str | None = None) -> Style:
        return Style(
            width=output.width(stream),
            color=output.colored(self.color, output.is_terminal(stream)),
            digits=self.digits,
            unicode=output.takes_unicode(stream),
            only=only,
        )

    def _notes(self, report: Report) -> None:
        if report.notes:
            output.say(notes(report, self._style(sys.stderr)))


def _plain(values: Mapping[str, Value]) -> dict[str, Any]:
    """Arrays as nested lists."""
    return {name: value if isinstance(value, (float, list)) else value.tolist() for name, value in values.items()}


def _help() -> Iterator[str]:
    yield "x = 4           gives a variable its value; a number, pi/2, [1, 2; 3, 4], @file.npy\n"
    yield "s = x^2 + y     is evaluated, and kept under its name\n"
    yield "s*sin(x)        is evaluated and differentiated\n\n"
    for name, (takes, does) in COMMANDS.items():
        yield f"{f'{name} {takes}'.ljust(22)}  {does}\n"


# Lines


def _is_open(text: str) -> bool:
    """Whether brackets are open at the end of a text, so that it goes on in the next line."""
    depth = 0
    for line in text.splitlines():
        for character in line.partition("#")[0]:
            depth += (character in _OPENING) - (character in _CLOSING)
    return depth > 0


def _statements(lines: Iterable[str]) -> Iterator[str]:
    """Lines, those joined that brackets hold together; an empty one ends what is open."""
    waiting: list[str] = []
    for line in lines:
        if line.strip():
            waiting.append(line)
            text = "\n".join(waiting)
            if len(text) <= LINE_LIMIT and _is_open(text):
                continue
        if waiting:
            yield "\n".join(waiting)
        waiting = []
    if waiting:
        yield "\n".join(waiting)


def _piped() -> Iterator[str]:
    """The lines on standard input, each bounded; one that is no text, or too long, is told and passed over."""
    if sys.stdin is None or sys.stdin.closed:
        return
    stream = sys.stdin.buffer
    while line := stream.readline(LINE_LIMIT + 1):
        if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
            while rest := stream.readline(LINE_LIMIT):
                if rest.endswith(b"\n"):
                    break
            output.say([described(BackpropError(f"a line has at most {LINE_LIMIT:,} bytes", hint="use a file"))])
            continue
        try:
            yield sources.decoded(line, "standard input").rstrip("\n")
        except BackpropError as problem:
            output.say([described(problem)])


def _converse(session: Session) -> None:
    """Read lines from a terminal until it is left; Ctrl-C gives up the line, or what is being computed."""
    edited = _edit(session)
    output.write([f"backprop {__version__}; :help says what there is, Ctrl-D leaves\n"])
    waiting: list[str] = []
    while True:
        try:
            line = input(CONTINUED if waiting else PROMPT)
            waiting.append(line)
            text = "\n".join(waiting)
            if line.strip() and _is_open(text):
                continue
            waiting = []
            if not session.take(text):
                break
        except KeyboardInterrupt:
            waiting = []
            output.write(["\n"])
        except EOFError:
            output.write(["\n"])
            break
        except UnicodeDecodeError:
            waiting = []
            output.say(["error: the line is not UTF-8 text"])
    if edited is not None:
        edited()


# Editing, completion and history


def _edit(session: Session) -> Callable[[], None] | None:
    """Set up editing where the platform has it; what is returned writes the history down."""
    try:
        import readline
    except ImportError:
        return None

    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            found[:] = completions(text, readline.get_line_buffer()[: readline.get_begidx()], session.names)
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n+-*/^()[]{},;=<>|!'@")
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    path = history_file(os.environ)
    for line in remembered(path):
        readline.add_history(line)

    def write() -> None:
        last = readline.get_current_history_length()
        lines = [readline.get_history_item(at) for at in range(max(1, last - HISTORY + 1), last + 1)]
        remember(path, [line for line in lines if line])

    return write


def completions(text: str, before: str, kept: Collection[str]) -> list[str]:
    """What a word may be completed to: a command where the line begins, a name, a function with its bracket."""
    if text.startswith(":"):
        return [f"{name} " for name in COMMANDS if name.startswith(text)] if not before.strip() else []
    found = [name for name in (*kept, *primitives.CONSTANTS) if name.startswith(text)]
    calls = [
        spelling
        for spelling, entries in primitives.spellings().items()
        if spelling.startswith(text) and not all(entry.helper for entry in entries) and spelling not in kept
    ]
    return [*dict.fromkeys(sorted(found)), *[f"{spelling}(" for spelling in sorted(calls)]] if text else []


def history_file(environ: Mapping[str, str]) -> str:
    """Where lines are remembered: in the folder for state that XDG names, or in its usual place."""
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "backprop", "history")


def remembered(path: str) -> list[str]:
    """The lines of earlier sessions; none where the file cannot be had, or is not ours alone to write."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK if os.name == "posix" else os.O_RDONLY
    with suppress(OSError, ValueError):
        descriptor = os.open(path, flags)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > HISTORY_LIMIT:
                return []
            if os.name == "posix" and status.st_uid != os.getuid():
                return []
            lines = file.read(HISTORY_LIMIT).decode("utf-8", "replace").splitlines()
        return [line for line in lines if line.isprintable()][-HISTORY:]
    return []


def remember(path: str, lines: Sequence[str]) -> None:
    """Write the lines where only their owner reads them; where that cannot be done nothing is said."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with suppress(OSError, ValueError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(temporary, flags, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write("".join(f"{line}\n" for line in lines if line.isprintable()).encode("utf-8", "replace"))
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
