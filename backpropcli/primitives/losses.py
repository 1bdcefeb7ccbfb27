"""Losses: what training makes small. They are means over the batch."""

from __future__ import annotations

from backpropcli.primitives.entry import Edge, Primitive, elementwise, reduction

_ROW = (0.5, -1.0, 2.0)
_ROWS = ((0.5, -1.0, 2.0), (1.5, 0.25, -0.75))
_TARGETS = ((1.0, -1.0, 1.5), (1.0, 0.0, 0.5))
_SIGNS = ((1.0, -1.0, 1.0), (-1.0, 1.0, -1.0))
_HOT = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
_SHARES = ((0.25, 0.5, 0.25), (0.0, 0.125, 0.875))
_CHANCES = ((0.25, 0.5, 0.9), (0.125, 0.75, 0.3))
_BITS = ((0.0, 1.0, 1.0), (1.0, 0.0, 0.0))


ENTRIES = (
    Primitive(
        name="mse",
        parameters="x t",
        value="mean((x - t)^2)",
        rule=reduction("2*(x - t)/size(x - t)", "2*(t - x)/size(x - t)"),
        aliases=("mean_squared_error",),
        latex=r"\operatorname{mse}\left(#1, #2\right)",
        doc="Mean squared error, mean((x - t)^2).",
        samples=((_ROWS, _TARGETS), (_ROW, (1.0, -1.0, 1.5)), (2.0, 1.0)),
    ),
    Primitive(
        name="huber",
        parameters="x t delta",
        value="r = abs(x - t); mean(if(r <= delta, r^2/2, delta*(r - delta/2)))",
        rule=reduction(
            "if(abs(x - t) <= delta, x - t, delta*sign(x - t))/size(x - t)",
            "if(abs(x - t) <= delta, t - x, delta*sign(t - x))/size(x - t)",
            "max(abs(x - t) - delta, 0)/size(x - t)",
        ),
        defaults=(1.0,),
        latex=r"\operatorname{huber}\left(#1, #2, #3\right)",
        doc="Huber's loss: squares up to errors of delta, straight lines beyond. It is the mean of r^2/2 for errors r"
        " up to delta and of delta*(r - delta/2) beyond; delta is 1 if left out.",
        samples=((_ROWS, _TARGETS, 1.0), (_ROW, (1.0, -1.0, 0.25), 0.75), (3.0, 1.0, 1.0)),
    ),
    Primitive(
        name="hinge",
        parameters="z t",
        value="mean(relu(1 - t*z))",
        rule=reduction("if(t*z < 1, -t, 0)/size(t*z)", "if(t*z < 1, -z, 0)/size(t*z)"),
        edges=(Edge(where="sum(t*z == 1) > 0", kind="kink", convention="0"),),
        latex=r"\operatorname{hinge}\left(#1, #2\right)",
        doc="Hinge loss of scores z for targets of -1 and 1, mean(max(0, 1 - t*z)).",
        samples=((_ROWS, _SIGNS), (_ROW, (1.0, -1.0, 1.0)), (0.5, 1.0)),
        hard=(((1.0, 0.5), (1.0, 1.0)),),
    ),
    Primitive(
        name="cross_entropy",
        parameters="z t",
        # An entry that is no target counts nothing, even where its probability is 0.
        value="mean(sum(if(t == 0, 0, -t*log_softmax(z)), -1))",
        # softmax(z)*sum(t) - t, in two parts of softmax: p - 1 has no correct digit near p = 1.
        rule=reduction(
            "s = spread(sum(t, -1), -1, shape(t)); "
            "((dominant(z, -1)*s - t) + softmax_rest(z, -1)*s)*size(z, -1)/size(z)",
            "-log_softmax(z)*size(z, -1)/size(z)",
        ),
        handbook=("(softmax(z) - t)/n", "-log_softmax(z)/n"),
        aliases=("softmax_cross_entropy",),
        latex=r"\operatorname{cross\_entropy}\left(#1, #2\right)",
        doc="Cross-entropy of logits z, along the last axis. It is the mean over the n rows of -sum(t*log_softmax(z));"
        " t is one-hot or probabilities in the shape of z, or the number of a class for each row.",
        samples=((_ROWS, _HOT), (_ROWS, _SHARES), (_ROW, (0.0, 1.0, 0.0))),
        hard=(((0.0, 50.0, -3.0), (0.0, 1.0, 0.0)), ((0.0, 50.0, -3.0), (1.0, 0.0, 0.0))),
    ),
    Primitive(
        name="binary_cross_entropy",
        parameters="p t",
        value="mean(0 - times_log(t, p) - times_log1p(1 - t, -p))",
        rule=reduction("bce_slope(p, t)/size(p - t)", "-logit(p)/size(p - t)"),
        handbook=("(p - t)/(p*(1 - p))/n", "(log(1 - p) - log(p))/n"),
        aliases=("bce",),
        domain="p >= 0 and p <= 1 and (p > 0 or t == 0) and (p < 1 or t == 1)",
        needs="probabilities from 0 to 1, and none of 0 or 1 where the target is another",
        latex=r"\operatorname{bce}\left(#1, #2\right)",
        doc="Cross-entropy of probabilities p for targets from 0 to 1. It is the mean over the n entries of"
        " -(t*log(p) + (1 - t)*log(1 - p)).",
        samples=((_CHANCES, _BITS), (_CHANCES, _SHARES), (0.75, 1.0)),
        hard=(((1e-20, 1.0, 0.5000000001), (0.0, 1.0, 0.5)),),
    ),
    Primitive(
        name="binary_cross_entropy_with_logits",
        parameters="z t",
        # softplus(z) - t*z has no correct digit at z = 40, t = 1.
        value="mean(if(z > 0, z*(1 - t), -z*t) + log1p(exp(-abs(z))))",
        # sigmoid(z) - t neither.
        rule=reduction("(sigmoid(z)*(1 - t) - t*sigmoid(-z))/size(z - t)", "(0 - z)/size(z - t)"),
        handbook=("(sigmoid(z) - t)/n", "-z/n"),
        aliases=("bce_with_logits",),
        latex=r"\operatorname{bce\_with\_logits}\left(#1, #2\right)",
        doc="Cross-entropy of sigmoid(z) for targets from 0 to 1. It is the mean over the n entries of"
        " -(t*log_sigmoid(z) + (1 - t)*log_sigmoid(-z)).",
        samples=((_ROWS, _BITS), (_ROWS, _SHARES), (0.5, 1.0)),
        hard=(((40.0, -40.0, 800.0), (1.0, 0.0, 0.0)),),
    ),
    Primitive(
        name="times_log",
        parameters="a b",
        value="if(a == 0 and b >= 0, 0, a*log(b))",
        rule=elementwise("log(b)", "part(a, b)"),
        domain="b > 0 or (b == 0 and a == 0)",
        latex=r"#1 \cdot \ln\left(#2\right)",
        doc="a*log(b), which is 0 where a is 0.",
        samples=((0.5, 2.0), (1.0, 0.25)),
        hard=((0.25, 1e-300), (0.0, 2.0)),
        helper=True,
    ),
    Primitive(
        name="times_log1p",
        parameters="a b",
        value="if(a == 0 and b >= -1, 0, a*log1p(b))",
        rule=elementwise("log1p(b)", "part(a, 1 + b)"),
        domain="b > -1 or (b == -1 and a == 0)",
        latex=r"#1 \cdot \ln\left(1 + #2\right)",
        doc="a*log(1 + b), which is 0 where a is 0.",
        samples=((0.5, 2.0), (1.0, -0.25)),
        hard=((0.25, -1e-20), (0.0, 2.0)),
        helper=True,
    ),
    Primitive(
        name="part",
        parameters="a b",
        value="if(a == 0, 0, a/b)",
        # Where both are 0 the result stays 0, whatever b becomes, and 1/b would make nan of it two orders up.
        rule=elementwise("1/b", "-part(y, b)", paths=(None, "a != 0 or b != 0")),
        domain="a == 0 or b != 0",
        latex=r"\frac{#1}{#2}",
        doc="a/b, which is 0 where a is 0.",
        samples=((0.5, 2.0), (1.0, 0.25), (0.0, 2.0)),
        hard=((1e-170, 1e-170),),
        helper=True,
    ),
    Primitive(
        name="bce_slope",
        parameters="p t",
        # (1 - t)/(1 - p) - t/p has few digits where p is near t. Of a target of 0 or 1 the fraction is shortened, since
        # p may be the same.
        value="if(t == 0, 1/(1 - p), if(t == 1, -1/p, (p - t)/(p*(1 - p))))",
        rule=elementwise("part(part(t, p), p) + part(part(1 - t, 1 - p), 1 - p)", "-1/(p*(1 - p))"),
        domain="(p != 0 or t == 0) and (p != 1 or t == 1)",
        latex=r"\frac{#1 - #2}{#1 \cdot \left(1 - #1\right)}",
        doc="(p - t)/(p*(1 - p)), the slope of the cross-entropy of a probability.",
        samples=((0.25, 1.0), (0.75, 0.5), (0.25, 0.0)),
        hard=((0.3000000001, 0.3), (1e-20, 0.25), (0.0, 0.0), (1.0, 1.0)),
        helper=True,
    ),
)
