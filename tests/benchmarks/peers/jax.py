"""JAX, compiled by XLA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "jax"

ONE_SHOT = """
import jax
jax.config.update("jax_enable_x64", True)
def z(x, y):
    s = jax.nn.sigmoid(x)
    return (x + s)/(s + (x + y)**2)
value, by = jax.value_and_grad(z, argnums=(0, 1))(4.0, 3.0)
print(value, *by)
"""


def _jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def points(formula: Formula, given: Columns) -> Run:
    """From NumPy's columns to NumPy's columns, as all others."""
    import numpy as np

    from tests.benchmarks.peers._formulas import value

    jax = _jax()
    jnp = jax.numpy
    functions = {"sin": jnp.sin, "cos": jnp.cos, "log": jnp.log, "sigmoid": jax.nn.sigmoid}
    names = list(given)
    function = jax.value_and_grad(
        lambda *held: value(formula, functions, dict(zip(names, held, strict=True))), argnums=tuple(range(len(names)))
    )
    compiled = jax.jit(jax.vmap(function))
    return lambda: [np.asarray(column) for column in jax.tree.leaves(compiled(*given.values()))]


def network(p: dict[str, Any]) -> Run:
    """The loss by its own sigmoid and log_softmax."""
    from tests.benchmarks.arrays import WEIGHTS

    jax = _jax()
    jnp = jax.numpy

    def loss(weights: Any, x: Any, t: Any) -> Any:
        w, b, v, c = weights
        z = jax.nn.sigmoid(x @ w + b) @ v + c
        return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(z), axis=1))

    gradient = jax.jit(jax.grad(loss))
    weights = [jnp.asarray(p[name]) for name in WEIGHTS]
    x, t = jnp.asarray(p["X"]), jnp.asarray(p["t"])
    return lambda: jax.block_until_ready(gradient(weights, x, t))


def graph(family: str, inputs: list[float], size: int) -> list[float]:
    """Traced and compiled as a whole."""
    from tests.benchmarks.peers._formulas import large

    jax = _jax()
    gradient = jax.jit(jax.grad(lambda held: large(family, jax.numpy.sin, held, size)))
    return [float(each) for each in gradient(inputs)]


POINTS = {"jax jit": points}
NETWORKS = {"jax jit": network}
GRAPHS = {"jax jit": graph}
