"""What gathers an array along an axis, or altogether: sums, products, extremes, spread, norms, running sums."""

from __future__ import annotations

from backpropcli.primitives.entry import ALL, Edge, General, Primitive, linear, reduction

_MATRIX = ((0.5, -1.0, 2.0), (1.5, 0.25, -0.75))
_SAMPLES = ((_MATRIX, ALL), (_MATRIX, 0.0), (_MATRIX, 1.0), ((1.0, 2.0, 4.0), ALL), (3.0, ALL))
_FAR = ((1e8 + 0.25, 1e8 - 0.25, 1e8 + 1.0), ALL)
_ENDS = (((3e200, -4e200), ALL), ((3e-200, 4e-200), ALL), ((1e-300, 1e300), ALL))


def _extreme(name: str, over: str, word: str) -> Primitive:
    """The largest or the smallest entry."""
    return Primitive(
        name=over,
        parameters="x axis",
        value=over,
        rule=reduction("(x == y)/spread(sum(x == y, axis), axis, shape(x))", None, path="x == y"),
        static=("axis",),
        defaults=(ALL,),
        written=name,
        edges=(
            Edge(
                where="sum(x == spread(y, axis, shape(x)), axis) > 1",
                kind="tie",
                convention="1/k to each of the k equal ones",
                of="x",
            ),
        ),
        structure=("one-hot",),
        latex=rf"\{name}\left(#1\right)",
        doc=f"The {word} entry, or that along an axis: {name}(A), {name}(A, axis=0).",
        pattern=f"routes: the {word} entry gets the adjoint, equal ones in equal parts",
        samples=_SAMPLES,
        hard=(((2.0, 2.0, 1.0, 1.0), ALL), (((1.0, 3.0), (3.0, 3.0)), 0.0)),
    )


ENTRIES = (
    Primitive(
        name="sum",
        parameters="x axis",
        value="sum",
        rule=linear("spread(g, axis, shape(x))", None),
        static=("axis",),
        defaults=(ALL,),
        structure=("ones",),
        latex=r"\sum #1",
        doc="Sum of all entries, or along an axis: sum(A), sum(A, axis=0).",
        pattern="repeats: each entry gets the adjoint of the sum it is in",
        samples=_SAMPLES,
        hard=(((1e16, 1.0, -1e16), ALL),),
    ),
    Primitive(
        name="mean",
        parameters="x axis",
        value="mean",
        rule=linear("spread(g, axis, shape(x))/size(x, axis)", None),
        static=("axis",),
        defaults=(ALL,),
        aliases=("average",),
        structure=("ones/n",),
        latex=r"\operatorname{mean}\left(#1\right)",
        doc="Mean of all entries, or along an axis: mean(A), mean(A, axis=0).",
        pattern="repeats: each entry gets an equal part of the adjoint",
        samples=_SAMPLES,
    ),
    Primitive(
        name="prod",
        parameters="x axis",
        value="prod",
        # y/x has no value where an entry is 0.
        rule=reduction("others(x, axis)", None),
        static=("axis",),
        defaults=(ALL,),
        latex=r"\prod #1",
        doc="Product of all entries, or along an axis. Its backward pass gives each the product of the others.",
        samples=_SAMPLES,
        hard=(
            ((2.0, 0.0, 3.0), ALL),
            ((0.0, 0.0, 3.0), ALL),
            ((1e200, 1e200, 1e-200, 1e-200), ALL),
            ((0.1, 0.2, 0.3, 0.7, 1.1, 1.3, 1.7, 1.9, 2.3, 2.9, 3.1, 3.7), ALL),
        ),
    ),
    Primitive(
        name="others",
        parameters="x axis",
        value="others",
        rule=General(("prod_slope(x, axis, d)", None), ("prod_slope(x, axis, g)", None)),
        static=("axis",),
        defaults=(ALL,),
        latex=r"\operatorname{others}\left(#1\right)",
        doc="For every entry the product of the others, along an axis.",
        samples=_SAMPLES,
        hard=(((2.0, 0.0, 3.0), ALL), ((0.0, 0.0, 3.0), ALL)),
        helper=True,
    ),
    Primitive(
        name="prod_slope",
        parameters="x axis *v",
        value="prod_slope",
        # A product is linear in each entry, and so its derivatives of all orders are alike: one more direction.
        rule=General(
            ("prod_slope(x, axis, {rest}, d)", None, "prod_slope(x, axis, {moved})"),
            ("prod_slope(x, axis, {rest}, g)", None, "prod_slope(x, axis, {moved})"),
        ),
        static=("axis",),
        latex=r"\operatorname{prod\_slope}\left(#1, #2, #*\right)",
        doc="The derivative of the products of the others along directions v.",
        samples=((_MATRIX, ALL, _MATRIX), (_MATRIX, 1.0, _MATRIX, ((1.0, 2.0, 0.5), (0.25, -1.0, 3.0)))),
        helper=True,
    ),
    _extreme("max", "max_over", "largest"),
    _extreme("min", "min_over", "smallest"),
    Primitive(
        name="deviation",
        parameters="x axis",
        value="deviation",
        rule=linear("deviation(g, axis)", None),
        static=("axis",),
        defaults=(ALL,),
        structure=("I - ones/n",),
        latex=r"\left(#1 - \overline{#1}\right)",
        doc="Every entry less the mean, along an axis.",
        samples=_SAMPLES,
        hard=(_FAR,),
        helper=True,
    ),
    Primitive(
        name="var",
        parameters="x axis",
        # The mean of squares less the square of the mean has no correct digit at 1e8.
        value="var",
        rule=reduction("2*deviation(x, axis)/size(x, axis)", None),
        handbook=("2*(x - mean(x))/size(x)", None),
        static=("axis",),
        defaults=(ALL,),
        aliases=("variance",),
        latex=r"\operatorname{var}\left(#1\right)",
        doc="Variance of the population, mean((x - mean(x))^2), of all entries or along an axis.",
        samples=_SAMPLES,
        hard=(_FAR, ((2.0, 2.0), ALL)),
    ),
    Primitive(
        name="std",
        parameters="x axis",
        value="sqrt(var(x, axis))",
        # Where all entries are equal the deviations are 0, and so is the derivative.
        rule=reduction("deviation(x, axis)/(size(x, axis)*(y + (y == 0)))", None),
        handbook=("(x - mean(x))/(size(x)*y)", None),
        static=("axis",),
        defaults=(ALL,),
        edges=(Edge(where="y == 0 and size(x, axis) > 1", kind="kink", convention="0", of="x"),),
        latex=r"\operatorname{std}\left(#1\right)",
        doc="Standard deviation of the population, sqrt(var(x)), of all entries or along an axis.",
        samples=_SAMPLES,
        hard=(_FAR, ((2.0, 2.0), ALL)),
    ),
    Primitive(
        name="norm",
        parameters="x p axis",
        # The squares of large and small entries overflow and vanish.
        value="norm",
        rule=reduction("x/(y + (y == 0))", None, None),
        handbook=("x/y", None, None),
        static=("p", "axis"),
        defaults=(2.0, ALL),
        edges=(Edge(where="y == 0", kind="kink", convention="0", of="x"),),
        latex=r"\left\|#1\right\|_{#2}",
        doc="Norm: the root of the sum of squares, of a matrix too (Frobenius); norm(x, 1) and norm(x, inf) of a vector"
        " or along an axis; of a matrix norm(A, 1) is the largest sum of sizes in a column, norm(A, inf) in a row.",
        samples=tuple((x, 2.0, axis) for x, axis in _SAMPLES),
        hard=(*[(x, 2.0, axis) for x, axis in _ENDS], ((0.0, 0.0), 2.0, ALL)),
    ),
    Primitive(
        name="norm_1",
        parameters="x axis",
        value="sum(abs(x), axis)",
        rule=reduction("sign(x)", None),
        static=("axis",),
        defaults=(ALL,),
        edges=(Edge(where="sum(x == 0, axis) > 0", kind="kink", convention="0", of="x"),),
        latex=r"\left\|#1\right\|_{1}",
        doc="The sum of the entries' sizes, of all or along an axis.",
        samples=_SAMPLES,
        hard=(((0.0, -1.0, 2.0), ALL),),
    ),
    Primitive(
        name="norm_inf",
        parameters="x axis",
        value="max_over(abs(x), axis)",
        rule=reduction(
            "sign(x)*(abs(x) == y)/spread(sum(abs(x) == y, axis), axis, shape(x))", None, path="abs(x) == y"
        ),
        static=("axis",),
        defaults=(ALL,),
        edges=(
            Edge(where="y == 0", kind="kink", convention="0", of="x"),
            Edge(
                where="y > 0 and sum(abs(x) == spread(y, axis, shape(x)), axis) > 1",
                kind="tie",
                convention="1/k to each of the k equal ones",
                of="x",
            ),
        ),
        latex=r"\left\|#1\right\|_{\infty}",
        doc="The largest of the entries' sizes, of all or along an axis.",
        samples=_SAMPLES,
        hard=(((3.0, -3.0, 1.0), ALL), ((0.0, 0.0), ALL)),
    ),
    *(
        Primitive(
            name=name,
            parameters="x",
            value=f"max_over(sum(abs(x), {along}))",
            # As many entries as there are in a row or column are marked for each that is the largest.
            rule=reduction(
                f"s = spread(sum(abs(x), {along}), {along}, shape(x)); sign(x)*(s == y)*size(x, {along})/sum(s == y)",
                path=f"spread(sum(abs(x), {along}), {along}, shape(x)) == y",
            ),
            edges=(
                Edge(where="sum(x == 0) > 0", kind="kink", convention="0"),
                Edge(
                    where=f"sum(sum(abs(x), {along}) == y) > 1",
                    kind="tie",
                    convention="1/k to each of the k equal ones",
                ),
            ),
            latex=rf"\left\|#1\right\|_{{{sign}}}",
            doc=f"The largest sum of sizes in a {word} of a matrix.",
            samples=((_MATRIX,), (((2.0, -1.0), (0.5, 4.0)),)),
            helper=True,
        )
        for name, along, word, sign in (("column_norm", 0, "column", "1"), ("row_norm", 1, "row", r"\infty"))
    ),
    Primitive(
        name="cumsum",
        parameters="x axis",
        value="cumsum",
        rule=linear("cumsum_back(g, axis)", None),
        static=("axis",),
        defaults=(-1.0,),
        structure=("triangle of ones",),
        latex=r"\operatorname{cumsum}\left(#1\right)",
        doc="Running sums along an axis, the last where it is left out: of [a, b, c] it is [a, a + b, a + b + c].",
        samples=(((1.0, -2.0, 4.0), -1.0), (_MATRIX, 0.0), (_MATRIX, 1.0)),
    ),
    Primitive(
        name="cumsum_back",
        parameters="x axis",
        value="cumsum_back",
        rule=linear("cumsum(g, axis)", None),
        static=("axis",),
        latex=r"\operatorname{cumsum\_back}\left(#1\right)",
        doc="Running sums from the end: of [a, b, c] it is [a + b + c, b + c, c].",
        samples=(((1.0, -2.0, 4.0), -1.0), (_MATRIX, 0.0)),
        helper=True,
    ),
)
