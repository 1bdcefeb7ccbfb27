"""Programs that tests need of the machine: skipped where one is missing, unless it is required."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import components
import pytest

ROOT = Path(__file__).resolve().parents[1]
NAME, COMPONENT = next(iter(components.COMPONENTS.items()))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine with no program at all."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BACKPROP_REQUIRE", raising=False)
    return monkeypatch


def test_a_missing_program_skips_and_says_what_to_install(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"apt-get install {COMPONENT.packages[0]}"):
        components.program(NAME)


def test_a_missing_program_that_is_required_fails(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("BACKPROP_REQUIRE", f" {NAME} ,")
    with pytest.raises(pytest.fail.Exception, match=f"BACKPROP_REQUIRE names {NAME}"):
        components.program(NAME)


def test_a_required_program_has_to_be_known(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("BACKPROP_REQUIRE", "latexx")
    with pytest.raises(ValueError, match="latexx"):
        components.program(NAME)


def test_a_program_that_is_there_is_found(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / COMPONENT.program).write_text("#!/bin/sh\n")
    (tmp_path / COMPONENT.program).chmod(0o755)
    assert components.program(NAME) == str(tmp_path / COMPONENT.program)


def test_the_packages_are_listed_without_anything_installed() -> None:
    for option, wanted in (
        ([], " ".join([package for each in components.COMPONENTS.values() for package in each.packages])),
        (["--names"], ",".join(components.COMPONENTS)),
    ):
        told = subprocess.run(
            [sys.executable, "-I", "-S", str(ROOT / "tests" / "components.py"), *option],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert told.stdout == f"{wanted}\n"


def test_packages_have_the_names_of_packages() -> None:
    for each in components.COMPONENTS.values():
        assert each.packages or each.distributions
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in (*each.packages, *each.distributions))


def test_distributions_are_installed_with_the_tests() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    held = {re.split(r"[<>=\[]", each)[0] for each in extras["test"]}
    assert {name for each in components.COMPONENTS.values() for name in each.distributions} <= held


def test_every_component_is_a_marker_of_tests(pytestconfig: pytest.Config) -> None:
    markers = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert components.COMPONENTS.keys() <= markers
