"""What no file of the package does, whatever a user types: seen in the syntax trees, not in a run."""

import ast
from pathlib import Path

import pytest

import backpropcli

PACKAGE = Path(backpropcli.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_CALLS = {
    "eval": "runs text",
    "exec": "runs text",
    "compile": "runs text",
    "__import__": "imports what a text names",
    "getattr": "reaches what a text names",
    "setattr": "changes what a text names",
    "delattr": "changes what a text names",
    "globals": "reaches what a text names",
    "locals": "reaches what a text names",
    "vars": "reaches what a text names",
    "input": "waits for a terminal",
    "breakpoint": "stops",
    "setrecursionlimit": "lets depth cost the stack",
    "system": "runs a shell",
    "popen": "runs a shell",
    "format_map": "follows attributes that a text names",
    "literal_eval": "recurses as deep as its text",
}
ALLOWED_CALLS = {
    # A pattern of ours; a name that stands in our own source, or in our own tuple of callbacks.
    ("compile", "re.compile"),
    ("compile", "compile_graph"),
    # The one command that is a conversation; it asks only where somebody sits at a terminal.
    ("input", "input"),
}
OWN_CONSTANTS = {("language/terms.py", "f'_{name}'"), ("language/latex_terms.py", "f'_{name}'")}
"""Where getattr takes a name that is no literal: the names stand in a tuple of the same file."""
CHECKED_IMPORTS = frozenset(
    ("commands/_program.py", "commands/schema.py", "folders.py", "homework/sheets/__init__.py", "streams/__init__.py")
)
"""Each looks the name up among our own files, or in a table of ours, before it imports it."""
FORBIDDEN_MODULES = {
    *("pickle", "cPickle", "dill", "shelve", "marshal", "yaml", "code", "codeop", "runpy", "subprocess", "xml"),
    *("sympy", "numexpr", "asteval", "copyreg", "ctypes", "socket", "urllib", "http", "webbrowser"),
}

ALLOWED_MODULES = {
    # It calls the code that LLVM made of our own graph, in text whose every name is ours.
    ("programs/jit.py", "ctypes"),
    # It starts this Python again, on a module of ours, with no word of a user's.
    ("parts/local.py", "subprocess"),
}


def trees():
    for path in FILES:
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls():
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func
                called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
                yield f"{name}:{node.lineno}", called, node


def is_literal(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_no_text_is_run_or_followed():
    found = []
    for place, called, node in calls():
        if called not in FORBIDDEN_CALLS or (called, ast.unparse(node.func)) in ALLOWED_CALLS:
            continue
        literal = called in {"getattr", "setattr"} and is_literal(node.args[1])
        own = called == "getattr" and (place.partition(":")[0], ast.unparse(node.args[1])) in OWN_CONSTANTS
        if not (literal or own):
            found.append(f"{place}: {ast.unparse(node)[:60]}, which {FORBIDDEN_CALLS[called]}")
    assert found == []


def test_the_callbacks_that_are_looked_up_by_name_are_our_own():
    from backpropcli.language import latex_terms, terms

    own = latex_terms.LatexBuilder.own
    assert all(isinstance(name, str) and name.isidentifier() for name in (*terms._CALLBACKS, *own))
    assert set(latex_terms.LatexBuilder("").callbacks) == {*terms._CALLBACKS, *own}
    assert set(terms.TermBuilder("").callbacks) == set(terms._CALLBACKS)


def test_modules_that_run_what_they_read_are_not_imported():
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            else:
                continue
            found += [
                f"{name}:{node.lineno}: {module}"
                for module in imported
                if module.split(".")[0] in FORBIDDEN_MODULES and (name, module) not in ALLOWED_MODULES
            ]
    assert found == []


def test_modules_are_imported_by_names_of_our_own():
    """import_module takes a name that starts with our own package, and commands are looked up among our own files."""
    for place, called, node in calls():
        if called == "import_module":
            assert place.partition(":")[0] in CHECKED_IMPORTS, place
            assert not any(isinstance(argument, ast.Starred) for argument in node.args)


def test_nothing_depends_on_assert_statements():
    """`python -OO` drops them."""
    found = [
        f"{name}:{node.lineno}" for name, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_format_takes_templates_of_our_own_only():
    """`"{x.__class__}".format(x=...)` follows attributes: a template is a literal, or stands in a table of ours."""
    own = {("passes/advice.py", "better"), ("passes/diagnose.py", "finding.message")}
    found = []
    for place, called, node in calls():
        if called == "format" and isinstance(node.func, ast.Attribute):
            template = node.func.value
            if not is_literal(template) and (place.partition(":")[0], ast.unparse(template)) not in own:
                found.append(f"{place}: {ast.unparse(node)[:60]}")
    assert found == []


def test_no_bare_except_hides_an_interruption():
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert found == []


def test_patterns_have_no_digits_or_words_of_every_alphabet():
    r"""`\d` and `\w` match Arabic digits and superscripts."""
    found = []
    for name, tree in trees():
        if not name.startswith(("language/", "reading/", "commands/", "homework/sheets/")):
            continue  # Patterns that read input; those of output escape more than they need.
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
                pattern = node.args[0]
                if is_literal(pattern) and any(letter in pattern.value for letter in (r"\d", r"\w")):
                    found.append(f"{name}:{node.lineno}: {pattern.value}")
    assert found == []


@pytest.mark.parametrize("text", ["getattr(a, b)", "eval(x)", "assert x", "import pickle", "x.format(y=1)"])
def test_the_forbidden_would_be_found(text, tmp_path, monkeypatch):
    """The tests above can fail."""
    path = tmp_path / "bad.py"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setitem(globals(), "FILES", [path])
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    tests = (
        test_no_text_is_run_or_followed,
        test_nothing_depends_on_assert_statements,
        test_modules_that_run_what_they_read_are_not_imported,
        test_format_takes_templates_of_our_own_only,
    )
    failed = 0
    for test in tests:
        try:
            test()
        except AssertionError:
            failed += 1
    assert failed == 1
