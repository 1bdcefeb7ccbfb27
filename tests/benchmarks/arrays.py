"""Derivative products and a network's gradient over arrays, beside NumPy written by hand and peers that are there."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from backpropcli import Formula
from backpropcli.passes.products import ArrayProducts
from tests.benchmarks import peers
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.workers import Worker, turns

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


class Products:
    """Products with second derivatives, beside the gradient."""

    @staticmethod
    def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
        """One row a function."""
        yield from product_rows(least=sizes.least)

    @staticmethod
    def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
        """Lines to print, with the ratios that the bars are about."""
        yield f"Second derivatives by {found[0]['size']:,} entries"
        yield f"{'function':<14}{'gradient us':>12}{'product us':>12}{'ratio':>7}{'Hessian us':>12}{'ratio':>7}"
        for row in found:
            gradient = row["gradient"]
            line = f"{row['function']:<14}{gradient * 1e6:>12.0f}{row['product'] * 1e6:>12.0f}"
            line += f"{row['product'] / gradient:>7.2f}"
            if row["hessian"] is not None:
                line += f"{row['hessian'] * 1e6:>12.0f}{row['hessian'] / gradient:>7.2f}"
            yield line


class Networks:
    """The gradient of one network by whatever is there."""

    @staticmethod
    def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
        """One row a way: seconds of CPU, the middle of runs that take turns, or a word why there are none."""
        workers = {way.name: Worker("NETWORKS", way, [sizes.batch]) for way in peers.ways("NETWORKS")}
        for way, found in turns(workers, 10 * sizes.repeats, _same).items():
            yield {"way": way, "batch": sizes.batch, "seconds": found}

    @staticmethod
    def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
        """Lines to print."""
        shape = "-".join([str(count) for count in LAYERS])
        yield f"The gradient of a {shape} network, a batch of {found[0]['batch']}"
        yield f"{'way':<28}{'ms':>9}{'ratio':>7}"
        by_hand = next(row["seconds"] for row in found if row["way"] == "NumPy by hand")
        for row in found:
            seconds = row["seconds"]
            said = f"  {seconds}" if isinstance(seconds, str) else f"{seconds * 1e3:>9.2f}{seconds / by_hand:>7.2f}"
            yield f"{row['way']:<28}{said}"


def sample(outputs: Any) -> list[float]:
    """The largest entry of each weight's gradient."""
    return [float(np.abs(np.asarray(each)).max()) for each in outputs]


def _same(samples: dict[str, Any]) -> dict[str, str]:
    ours = samples["NumPy by hand"]
    return {way: "gives other numbers" for way, each in samples.items() if not np.allclose(each, ours, rtol=1e-6)}
