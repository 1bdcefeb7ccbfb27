"""What the tests need of the machine beside Python: programs from Debian and PyPI, which a machine may lack.

    python tests/components.py             # the Debian packages of all of them
    python tests/components.py --names     # their names

A test asks for one by `program("jq")`. Where that is not on the machine the test is skipped, with the package to
install; where BACKPROP_REQUIRE names it (`BACKPROP_REQUIRE=jq,...`, as in .ci/run) the test fails. It runs without
anything installed, since .ci/run asks it what to install.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import NamedTuple


class Component(NamedTuple):
    """A program, and the packages that bring it."""

    program: str
    packages: tuple[str, ...] = ()
    """Of Debian."""
    distributions: tuple[str, ...] = ()
    """Of PyPI: the extra `test` has them, and they put the program beside this interpreter."""

    @property
    def how(self) -> str:
        """The command that installs it."""
        return (
            f"apt-get install {' '.join(self.packages)}"
            if self.packages
            else (f"pip install {' '.join(self.distributions)}")
        )


COMPONENTS = {
    "latex": Component("pdflatex", ("texlive-latex-base",)),
    "jq": Component("jq", ("jq",)),
    "miller": Component("mlr", ("miller",)),
    "duckdb": Component("duckdb", distributions=("duckdb-cli",)),
}


def program(name: str) -> str:
    """The path of a component's program; without one the test that asks is skipped, or fails where it is required."""
    import pytest

    component = COMPONENTS[name]
    found = there(name)
    if found is None:
        message = f"{component.program} is not on this machine: {component.how}"
        if name in required():
            pytest.fail(f"BACKPROP_REQUIRE names {name}, but {message}")
        pytest.skip(message)
    return found


def there(name: str) -> str | None:
    """The path of a component's program, None where this machine lacks it."""
    return shutil.which(COMPONENTS[name].program, path=search_path())


def search_path() -> str:
    """Where programs are looked for: beside this interpreter, and then where the shell looks."""
    return os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])


def required() -> frozenset[str]:
    """The components without which tests fail. Raises ValueError for a name that is none."""
    names = frozenset([name.strip() for name in os.environ.get("BACKPROP_REQUIRE", "").split(",") if name.strip()])
    if names - COMPONENTS.keys():
        raise ValueError(f"BACKPROP_REQUIRE names {sorted(names - COMPONENTS.keys())}: there are {sorted(COMPONENTS)}")
    return names


if __name__ == "__main__":
    if sys.argv[1:] == ["--names"]:
        print(",".join(COMPONENTS))
    else:
        print(*[package for component in COMPONENTS.values() for package in component.packages])
