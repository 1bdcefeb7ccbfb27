"""Derivative products and a network's gradient over arrays, beside NumPy written by hand and peers that are there."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from backpropcli import Formula
from backpropcli.passes.products import ArrayProducts

SIZE = 1_000
"""Entries of the variable that products are by."""

FUNCTIONS = {
    "rosenbrock": "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)",
    "activations": "sum(tanh(x)*sigmoid(x) + log(1 + x^2))",
    "quadratic": "x @ (A @ x)/2 - sum(x)",
}

LAYERS = 784, 128, 10
BATCH = 256
NETWORK = "h = σ(X @ W + b); cross_entropy(h @ V + c, t)"


def seconds(run: Callable[[], object], least: float = 0.3) -> float:
    """The median of the processor time that it takes, over so many runs as fill the time."""
    run()
    times: list[float] = []
    gc.collect()
    while sum(times) < least or len(times) < 5:
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return sorted(times)[len(times) // 2]


def product_rows(size: int = SIZE, least: float = 0.3) -> Iterator[dict[str, Any]]:
    """The gradient of each function, a product with its Hessian, and the whole Hessian, in seconds."""
    rng = np.random.default_rng(0)
    for name, text in FUNCTIONS.items():
        f = Formula(text)
        point = {"x": rng.uniform(-1, 1, size)}
        if "A" in f.variables:
            point["A"] = rng.uniform(-1, 1, (size, size))
        direction = {"x": rng.uniform(-1, 1, size)}

        def products(f: Formula = f, point: dict[str, Any] = point) -> ArrayProducts:
            scene = f._setting("gates", point)
            return ArrayProducts(scene, scene.inputs(point), ("x",))

        def gradient(f: Formula = f, point: dict[str, Any] = point) -> object:
            made = products(f, point)
            return made.gradient()

        def product(f: Formula = f, point: dict[str, Any] = point, direction: Any = direction) -> object:
            return products(f, point).times(direction)

        def hessian(f: Formula = f, point: dict[str, Any] = point) -> object:
            return products(f, point).second_derivatives()

        with np.errstate(all="ignore"):
            row: dict[str, Any] = {"function": name, "size": size, "gradient": seconds(gradient, least)}
            row["product"] = seconds(product, least)
            # A dense Hessian takes as many products as columns: it is no part of the bar.
            row["hessian"] = seconds(hessian, least) if name != "quadratic" else None
        yield row


def network(batch: int = BATCH) -> dict[str, Any]:
    """Weights, and a batch with its classes one-hot."""
    rng = np.random.default_rng(1)
    entries, hidden, classes = LAYERS
    labels = rng.integers(0, classes, batch)
    return {
        "X": rng.normal(size=(batch, entries)),
        "W": rng.normal(size=(entries, hidden)) / entries**0.5,
        "b": np.zeros(hidden),
        "V": rng.normal(size=(hidden, classes)) / hidden**0.5,
        "c": np.zeros(classes),
        "t": np.eye(classes)[labels],
    }


WEIGHTS = ("W", "b", "V", "c")


def by_hand(p: dict[str, Any]) -> tuple[Any, ...]:
    """The network's gradient as one writes it in NumPy."""
    h = 1 / (1 + np.exp(-(p["X"] @ p["W"] + p["b"])))
    z = h @ p["V"] + p["c"]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    dz = (e / e.sum(axis=1, keepdims=True) - p["t"]) / len(z)
    dh = dz @ p["V"].T * h * (1 - h)
    return p["X"].T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0)


def _by_jax(p: dict[str, Any]) -> Callable[[], object] | None:
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    from jax import numpy as jnp

    def loss(weights: Any, x: Any, t: Any) -> Any:
        w, b, v, c = weights
        z = jax.nn.sigmoid(x @ w + b) @ v + c
        return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(z), axis=1))

    gradient = jax.jit(jax.grad(loss))
    weights = [jnp.asarray(p[name]) for name in WEIGHTS]
    x, t = jnp.asarray(p["X"]), jnp.asarray(p["t"])
    return lambda: jax.block_until_ready(gradient(weights, x, t))


def _by_autograd(p: dict[str, Any]) -> Callable[[], object] | None:
    try:
        import autograd
        import autograd.numpy as anp
    except ImportError:
        return None

    def loss(weights: Any) -> Any:
        w, b, v, c = weights
        z = 1 / (1 + anp.exp(-(anp.dot(p["X"], w) + b)))
        z = anp.dot(z, v) + c
        z = z - anp.max(z, axis=1, keepdims=True)
        return -anp.mean(anp.sum(p["t"] * (z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))), axis=1))

    gradient = autograd.grad(loss)
    return lambda: gradient([p[name] for name in WEIGHTS])


def network_rows(batch: int = BATCH, least: float = 0.5) -> Iterator[dict[str, Any]]:
    """The gradient of one network by whatever is there, in seconds."""
    p = network(batch)
    f = Formula(NETWORK)
    ways: dict[str, Callable[[], object] | None] = {
        "NumPy by hand": lambda: by_hand(p),
        "backprop, Formula.gradient": lambda: f.gradient(p, wrt=WEIGHTS),
        "jax jit": _by_jax(p),
        "autograd": _by_autograd(p),
    }
    for name, run in ways.items():
        if run is not None:
            yield {"way": name, "batch": batch, "seconds": seconds(run, least)}


def tables(products: list[dict[str, Any]], networks: list[dict[str, Any]]) -> Iterator[str]:
    """Both tables as lines, with the ratios that the bars are about."""
    size = products[0]["size"] if products else SIZE
    yield f"Second derivatives by {size:,} entries"
    yield f"{'function':<14}{'gradient us':>12}{'product us':>12}{'ratio':>7}{'Hessian us':>12}{'ratio':>7}"
    for row in products:
        gradient = row["gradient"]
        line = f"{row['function']:<14}{gradient * 1e6:>12.0f}{row['product'] * 1e6:>12.0f}"
        line += f"{row['product'] / gradient:>7.2f}"
        if row["hessian"] is not None:
            line += f"{row['hessian'] * 1e6:>12.0f}{row['hessian'] / gradient:>7.2f}"
        yield line
    yield ""
    shape = "-".join([str(count) for count in LAYERS])
    yield f"The gradient of a {shape} network, a batch of {networks[0]['batch']}"
    yield f"{'way':<28}{'ms':>9}{'ratio':>7}"
    for row in networks:
        ratio = row["seconds"] / networks[0]["seconds"]
        yield f"{row['way']:<28}{row['seconds'] * 1e3:>9.2f}{ratio:>7.2f}"
