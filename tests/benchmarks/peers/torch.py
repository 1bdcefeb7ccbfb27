"""PyTorch, in double precision, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "torch"

ONE_SHOT = """
import torch
x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (4.0, 3.0))
s = torch.sigmoid(x)
z = (x + s)/(s + (x + y)**2)
z.backward()
print(z.item(), x.grad.item(), y.grad.item())
"""


def _torch() -> Any:
    import torch

    torch.set_num_threads(1)
    return torch


def points(formula: Formula, given: Columns) -> Run:
    """One tape of whole columns."""
    from tests.benchmarks.peers._formulas import value

    torch = _torch()
    functions = {"sin": torch.sin, "cos": torch.cos, "log": torch.log, "sigmoid": torch.sigmoid}

    def run() -> list[Any]:
        held = {name: torch.from_numpy(column).requires_grad_() for name, column in given.items()}
        z = value(formula, functions, held)
        slopes = torch.autograd.grad(z, list(held.values()), torch.ones_like(z))
        return [z.detach().numpy(), *(each.numpy() for each in slopes)]

    return run


def network(p: dict[str, Any]) -> Run:
    """The loss by its own cross_entropy."""
    from tests.benchmarks.arrays import WEIGHTS

    torch = _torch()
    x, t = torch.from_numpy(p["X"]), torch.from_numpy(p["t"])
    weights = [torch.from_numpy(p[name]).requires_grad_() for name in WEIGHTS]

    def run() -> Any:
        w, b, v, c = weights
        return torch.autograd.grad(torch.nn.functional.cross_entropy(torch.sigmoid(x @ w + b) @ v + c, t), weights)

    return run


def graph(family: str, inputs: list[float], size: int) -> list[float]:
    """A tape of scalars."""
    from tests.benchmarks.peers._formulas import large

    torch = _torch()
    held = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in inputs]
    return [each.item() for each in torch.autograd.grad(large(family, torch.sin, held, size), held)]


POINTS = {"torch": points}
NETWORKS = {"torch": network}
GRAPHS = {"torch": graph}
