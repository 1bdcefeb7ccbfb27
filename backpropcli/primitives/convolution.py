"""What moves over signals and images: convolutions as layers of a network have them, and pooling.

A convolution has two pulls, by the signal and by the filter, and these are linear in each of their arguments in turn:
of the three every derivative of any order is one of the three.
"""

from __future__ import annotations

from backpropcli.primitives.entry import ALL, Bilinear, Edge, General, Primitive, linear

_SIGNAL = (0.5, -1.0, 2.0, 1.5, 0.25)
_IMAGE = ((0.5, -1.0, 2.0, 1.5), (1.25, 0.75, -0.5, 3.0), (-2.0, 0.25, 1.0, 0.125))
_FILTER = ((1.0, -0.5), (0.25, 2.0))

# Two signals of two channels, three filters; an image of two channels, one filter.
_SIGNALS = (((1.0, 2.0, -1.0, 0.5), (0.25, -0.5, 3.0, 1.0)), ((0.5, 1.5, 2.5, -2.0), (1.0, 0.75, -1.25, 0.0)))
_FILTERS = (((1.0, -1.0), (0.5, 2.0)), ((0.25, 0.75), (-1.5, 1.0)), ((2.0, 0.0), (-0.5, 1.25)))
_COLOURED = (_IMAGE, ((1.0, 0.0, -1.0, 2.0), (0.5, 1.5, 0.25, -0.75), (2.0, -0.25, 1.0, 0.0)))
_COLOURED_FILTER = ((_FILTER, ((0.5, 1.0), (-1.0, 0.75))),)

_SAMPLES = {
    1: (
        (_SIGNAL, (1.0, -0.5, 2.0), 1.0, 0.0),
        (_SIGNAL, (1.0, -0.5), 2.0, 1.0),
        (_SIGNALS[0], _FILTERS, 1.0, 0.0),
        (_SIGNALS, _FILTERS, 2.0, 1.0),
    ),
    2: (
        (_IMAGE, _FILTER, 1.0, 0.0),
        (_IMAGE, _FILTER, 2.0, 1.0),
        (_IMAGE, _FILTER, (1.0, 2.0), (0.0, 1.0)),
        (_COLOURED, _COLOURED_FILTER, 1.0, 0.0),
        ((_COLOURED, _COLOURED), _COLOURED_FILTER, 2.0, 1.0),
    ),
}
_SHAPES = {
    1: "x is (n), (channels, n) or (batch, channels, n), w (k) or (out, channels, k)",
    2: "x is (h, w), (channels, h, w) or (batch, channels, h, w), w (kh, kw) or (out, channels, kh, kw)",
}


def _convolution(axes: int) -> tuple[Primitive, ...]:
    """The convolution along so many axes, with its pulls by the signal and by the filter."""
    name = f"conv{axes}d"
    shape = (5.0,) if axes == 1 else (3.0, 4.0)
    signal, window = _SAMPLES[axes][0][:2]
    result = (1.0, -2.0, 0.5) if axes == 1 else ((1.0, -2.0, 0.5), (0.25, 3.0, -1.0))
    size = (3.0,) if axes == 1 else (2.0, 2.0)
    return (
        Primitive(
            name=name,
            parameters="x w stride padding",
            value=name,
            rule=Bilinear(
                f"{name}_inputs(g, w, shape(x), stride, padding)", f"{name}_weights(x, g, shape(w), stride, padding)"
            ),
            static=("stride", "padding"),
            defaults=(1.0, 0.0),
            structure=("Toeplitz", "windows"),
            latex=r"#1 \star #2",
            doc=f"Convolution as layers have it: the filter w is moved along x and not turned over. {_SHAPES[axes]}.",
            samples=_SAMPLES[axes],
        ),
        Primitive(
            name=f"{name}_inputs",
            parameters="c w size stride padding",
            value=f"{name}_inputs",
            rule=Bilinear(f"{name}(g, w, stride, padding)", f"{name}_weights(g, c, shape(w), stride, padding)"),
            static=("size", "stride", "padding"),
            latex=r"#1 \ast #2",
            doc="The adjoint of what was convolved, of shape size, from the result's: a transposed convolution.",
            samples=((result, window, shape, 1.0, 0.0),),
            helper=True,
        ),
        Primitive(
            name=f"{name}_weights",
            parameters="x c size stride padding",
            value=f"{name}_weights",
            rule=Bilinear(f"{name}_inputs(c, g, shape(x), stride, padding)", f"{name}(x, g, stride, padding)"),
            static=("size", "stride", "padding"),
            latex=r"#1 \star #2",
            doc="The adjoint of a convolution's filter, of shape size, from the result's.",
            samples=((signal, result, size, 1.0, 0.0),),
            helper=True,
        ),
    )


_POOLED = (
    (_SIGNAL, 2.0, ALL),
    (_SIGNAL, 3.0, 1.0),
    (_IMAGE, 2.0, ALL),
    (_IMAGE, (2.0, 2.0), ALL),
    (_COLOURED, (3.0, 2.0), (1.0, 2.0)),
)

# The entries of every window, and those of them that are the largest.
_LARGEST = "w = windows(x, size, stride); m = w == spread(y, -1, shape(w))"

ENTRIES = (
    *_convolution(1),
    *_convolution(2),
    Primitive(
        name="maxpool",
        parameters="x size stride",
        value="maxpool",
        rule=General(
            (f"{_LARGEST}; sum(m*windows(d, size, stride), -1)/sum(m, -1)", None, None),
            (f"{_LARGEST}; unwindows(m*spread(g/sum(m, -1), -1, shape(w)), shape(x), size, stride)", None, None),
        ),
        static=("size", "stride"),
        defaults=(ALL,),
        structure=("selection",),
        edges=(Edge(where=f"{_LARGEST}; sum(m, -1) > 1", kind="tie", convention="an equal share to each"),),
        latex=r"\operatorname{maxpool}\left(#1, #2\right)",
        doc="The largest entry of every window: maxpool(x, 2) over images and vectors, or maxpool(x, [2, 3]).",
        samples=_POOLED,
    ),
    Primitive(
        name="avgpool",
        parameters="x size stride",
        value="avgpool",
        rule=linear(
            "s = shape(windows(x, size, stride)); unwindows(spread(g/index(s, -1), -1, s), shape(x), size, stride)",
            None,
            None,
        ),
        static=("size", "stride"),
        defaults=(ALL,),
        structure=("averages",),
        latex=r"\operatorname{avgpool}\left(#1, #2\right)",
        doc="The mean of every window: avgpool(x, 2) over images and vectors, or avgpool(x, [2, 3]).",
        samples=_POOLED,
    ),
    Primitive(
        name="windows",
        parameters="x size stride",
        value="windows",
        rule=linear("unwindows(g, shape(x), size, stride)", None, None),
        static=("size", "stride"),
        latex=r"\operatorname{windows}\left(#1, #2\right)",
        doc="The entries of every window of a size along the last axes, on one new last axis.",
        samples=_POOLED,
        helper=True,
    ),
    Primitive(
        name="unwindows",
        parameters="c s size stride",
        value="unwindows",
        rule=linear("windows(g, size, stride)", None, None, None),
        static=("s", "size", "stride"),
        latex=r"\operatorname{windows}^{\top}\left(#1, #3\right)",
        doc="The transpose of windows: every entry added up from where it went.",
        samples=((((1.0, 2.0), (3.0, -4.0)), (5.0,), 2.0, ALL), (((1.0, 2.0), (3.0, -4.0)), (3.0,), 2.0, 1.0)),
        helper=True,
    ),
)
