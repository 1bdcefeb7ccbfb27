"""What gathers an array along an axis, or altogether."""

from __future__ import annotations

from backpropcli.primitives.entry import ALL, Primitive, linear

_MATRIX = ((0.5, -1.0, 2.0), (1.5, 0.25, -0.75))
_SAMPLES = ((_MATRIX, ALL), (_MATRIX, 0.0), (_MATRIX, 1.0), ((1.0, 2.0, 4.0), ALL))

ENTRIES = (
    Primitive(
        name="sum",
        parameters="x axis",
        value="sum",
        rule=linear("spread(g, axis, shape(x))", None),
        static=("axis",),
        defaults=(ALL,),
        latex=r"\sum #1",
        doc="Sum of all entries, or along an axis: sum(A), sum(A, axis=0). Its backward pass repeats.",
        samples=_SAMPLES,
    ),
)
