"""Differentiate a formula, seeing both passes: `Formula("x^2 + 3*x").at(x=1)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["BackpropError", "Formula", "Report"]

if TYPE_CHECKING:
    from backpropcli.errors import BackpropError as BackpropError
    from backpropcli.formula import Formula as Formula
    from backpropcli.report import Report as Report


def __getattr__(name: str) -> object:
    # On first use, so that a command pays only for what it needs.
    if name == "Formula":
        from backpropcli.formula import Formula

        return Formula
    if name == "Report":
        from backpropcli.report import Report

        return Report
    if name == "BackpropError":
        from backpropcli.errors import BackpropError

        return BackpropError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
