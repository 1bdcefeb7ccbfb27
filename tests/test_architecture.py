"""Data goes one way: who may import whom, drawn once and held by the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from backpropcli import primitives
from backpropcli.graph import MARKS

PACKAGE = Path(__file__).resolve().parent.parent / "backpropcli"

# What each part may import, beside itself and `records`.
MAY_IMPORT: dict[str, set[str]] = {
    "records": set(),
    "errors": set(),
    "report": set(),
    "folders": {"errors"},
    "schemas": set(),
    "graph": {"errors"},
    "primitives": set(),
    "language": {"errors", "graph", "primitives"},
    "algebras": {"errors", "graph", "primitives", "language"},
    "passes": {"errors", "graph", "primitives", "language", "algebras", "report"},
    "exporting": {"folders", "errors", "graph", "primitives", "algebras", "language"},
    "rendering": {"schemas", "folders", "errors", "report"},
    "notebook": {"report", "rendering"},
    "formula": {
        "errors",
        "report",
        "notebook",
        "graph",
        "primitives",
        "language",
        "algebras",
        "passes",
        "exporting",
        "mapping",
    },
    "programs": {"graph", "primitives", "algebras", "passes"},
    "mapping": {"errors", "report", "language", "passes", "programs"},
    "reading": {"errors", "graph", "language", "formula"},
    "homework": {
        "schemas",
        "folders",
        "errors",
        "report",
        "graph",
        "primitives",
        "language",
        "algebras",
        "passes",
        "rendering",
        "exporting",
        "formula",
        "reading",
        "output",
    },
    "output": {"errors", "reading"},
    "streams": {"errors", "report", "language", "mapping", "reading"},
    "parts": {"schemas", "errors", "formula", "mapping", "streams", "reading", "output"},
    "commands": {
        "schemas",
        "folders",
        "parts",
        "mapping",
        "streams",
        "errors",
        "report",
        "primitives",
        "language",
        "exporting",
        "rendering",
        "formula",
        "reading",
        "homework",
        "output",
    },
    "cli": {"errors", "commands", "output"},
    "__main__": {"cli"},
    "__init__": {"errors", "report", "formula"},
}

FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imported(tree: ast.AST) -> set[str]:
    """The parts of the package that a module imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "backpropcli":
            modules = [f"backpropcli.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide where a name comes from"
            modules = [node.module]
        else:
            continue
        found |= {module.split(".")[1] for module in modules if module.startswith("backpropcli.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_the_picture_allows(path: Path) -> None:
    allowed = MAY_IMPORT[part(path)] | {part(path), "__version__", "records"}
    assert imported(ast.parse(path.read_text(encoding="utf-8"))) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_its_idea_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def imports_at_the_top(path: Path) -> set[str]:
    """The modules that a file imports as it begins."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *[f"{node.module}.{alias.name}" for alias in node.names]}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_named_tuples_are_those_that_are_cheap_to_define(path: Path) -> None:
    assert path.stem == "records" or "typing.NamedTuple" not in imports_at_the_top(path)


def is_heavy(names: set[str], heavy: str) -> bool:
    return any(name.split(".")[0] == heavy for name in names)


@pytest.mark.parametrize("heavy", ["numpy", "rich", "lark"])
def test_heavy_libraries_are_imported_inside_functions(heavy: str) -> None:
    on_arrays = {
        f"backpropcli.{part(path)}.{path.stem}"
        for path in FILES
        if part(path) in ("algebras", "passes", "programs") and is_heavy(imports_at_the_top(path), "numpy")
    }
    for path in FILES:
        if path.parent.name in ("rendering", "results") and heavy == "rich":
            continue  # Loaded by the format for terminals alone; a test of the command line looks at sys.modules.
        if f"backpropcli.{part(path)}.{path.stem}" in on_arrays and heavy == "numpy":
            continue  # NumPy from end to end: such modules are themselves imported inside functions.
        assert not is_heavy(imports_at_the_top(path), heavy), path
        assert heavy != "numpy" or not on_arrays & imports_at_the_top(path), path


def test_no_primitive_takes_a_mark_of_the_graph() -> None:
    assert not MARKS & set(primitives.spellings())
