"""Fit a neuron to four labelled points by gradient descent."""

from backpropcli import Formula

# The cross-entropy of one point, over the logit: softplus(a) - t*a is -log σ(a) for t = 1 and -log σ(-a) for t = 0.
LOSS = Formula("softplus(a) - t*a; a = u*x + v*y + c")
DATA = [(0.0, 0.0, 0), (1.0, 0.0, 0), (0.0, 1.0, 1), (2.0, 2.0, 1)]
PARAMETERS = ("u", "v", "c")
RATE = 0.5


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def main() -> None:
    weights = dict.fromkeys(PARAMETERS, 0.0)
    for step in range(401):
        reports = [LOSS.at(weights, x=x, y=y, t=t, wrt=PARAMETERS) for x, y, t in DATA]
        if step % 100 == 0:
            print(f"step {step:3d}: loss {mean([report.value for report in reports]):.4f}")
        for name in PARAMETERS:
            weights[name] -= RATE * mean([report.grad[name] for report in reports])
    print({name: round(weight, 3) for name, weight in weights.items()})


if __name__ == "__main__":
    main()
