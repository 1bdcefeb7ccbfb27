"""Softmax and its family: what turns scores into probabilities, with the digits of confident ones."""

from __future__ import annotations

from backpropcli.primitives.entry import ALL, General, Primitive, linear, reduction

_ROW = (0.5, -1.0, 2.0)
_ROWS = ((0.5, -1.0, 2.0), (1.5, 0.25, -0.75))
_SAMPLES = ((_ROW, -1.0), (_ROWS, -1.0), (_ROWS, 0.0))
_HARD = (
    ((0.0, 40.0, -3.0), -1.0),
    ((1000.3, 1000.1, 300.7), -1.0),
    ((-700.123, 0.456, -333.321), -1.0),
    ((2.0, 2.0, -50.0), -1.0),
    ((1.0, 1.0, 1.0), -1.0),
)


def _products(letter: str, p: str) -> str:
    """p*(g - sum(p*g)), with g counted from what it is at the entry that has more than a half of all.

    So 1 - p is never formed where p is near 1: there it has no correct digit.
    """
    return (
        f"p = {p}; h = {letter} - spread(sum({letter}*dominant(x, axis), axis), axis, shape(x)); "
        "p*(h - spread(sum(p*h, axis), axis, shape(x)))"
    )


_SHIFTED = "h = d - spread(sum(d*dominant(x, axis), axis), axis, shape(x)); p = softmax(x, axis); "

ENTRIES = (
    Primitive(
        name="softmax",
        parameters="x axis",
        value="softmax",
        rule=General(
            (_products("d", "y"), None),
            (_products("g", "y"), None),
            handbook=(("y*(d - sum(y*d))", "y*(g - sum(y*g))"), None),
        ),
        static=("axis",),
        defaults=(-1.0,),
        structure=("diag({y}) - {y} {y}'",),
        latex=r"\operatorname{softmax}\left(#1\right)",
        doc="exp(x)/sum(exp(x)), along the last axis or another: softmax(z), softmax(Z, axis=0).",
        samples=_SAMPLES,
        hard=_HARD,
        # The value keeps 4; a derivative multiplies two of them.
        digits=8,
    ),
    Primitive(
        name="dominant",
        parameters="x axis",
        value="dominant",
        rule=linear(None, None),
        static=("axis",),
        latex=r"\operatorname{dominant}\left(#1\right)",
        doc="1 at the entry that softmax gives more than a half, elsewhere 0.",
        samples=_SAMPLES,
        helper=True,
    ),
    Primitive(
        name="softmax_rest",
        parameters="x axis",
        value="softmax_rest",
        rule=General((_products("d", "softmax(x, axis)"), None), (_products("g", "softmax(x, axis)"), None)),
        static=("axis",),
        latex=r"\operatorname{softmax\_rest}\left(#1\right)",
        doc="Softmax less dominant: what an entry of more than a half lacks to 1 is the sum of the others.",
        samples=_SAMPLES,
        hard=_HARD,
        helper=True,
    ),
    Primitive(
        name="log_softmax",
        parameters="x axis",
        # log(softmax(x)) is -inf at -800.
        value="log_softmax",
        rule=General(
            (f"{_SHIFTED}h - spread(sum(p*h, axis), axis, shape(x))", None),
            # g - p*sum(g), in two parts of p: 1 - p is never formed where p is near 1.
            (
                "t = spread(sum(g, axis), axis, shape(x)); (g - dominant(x, axis)*t) - softmax_rest(x, axis)*t",
                None,
            ),
            handbook=(("d - sum(softmax(x)*d)", "g - softmax(x)*sum(g)"), None),
        ),
        static=("axis",),
        defaults=(-1.0,),
        structure=("I - 1 exp({y})'",),
        latex=r"\ln \operatorname{softmax}\left(#1\right)",
        doc="Logarithm of softmax, finite where that underflows, along the last axis or another.",
        samples=_SAMPLES,
        hard=_HARD,
    ),
    Primitive(
        name="logsumexp",
        parameters="x axis",
        # log(sum(exp(x))) overflows at 710.
        value="logsumexp",
        rule=reduction("softmax(x, axis)", None),
        static=("axis",),
        defaults=(ALL,),
        latex=r"\ln \sum e^{#1}",
        doc="log(sum(exp(x))) of all entries, or along an axis; no overflow.",
        samples=((_ROW, ALL), (_ROWS, -1.0), (_ROWS, 0.0), (3.0, ALL)),
        hard=_HARD,
    ),
    Primitive(
        name="one_hot",
        parameters="t n",
        value="one_hot",
        rule=linear(None, None),
        static=("n",),
        domain="t >= 0 and t < n and t == floor(t)",
        needs="whole numbers from 0 to n - 1",
        latex=r"\operatorname{one\_hot}\left(#1, #2\right)",
        doc="For every class of n a row that is 1 there and 0 elsewhere: one_hot(1, 3) is [0, 1, 0].",
        samples=((1.0, 3.0), ((2.0, 0.0), 3.0)),
    ),
)
