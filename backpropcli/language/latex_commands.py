"""LaTeX's commands: what each means in a formula, and what to write instead of those that mean nothing here."""

from __future__ import annotations

from backpropcli.language import names


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


# What takes arguments in braces, and how many.
FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
ACCENTS = {
    **{name: name for name in ("hat", "bar", "tilde", "vec", "dot", "ddot", "check", "breve")},
    "widehat": "hat",
    "overline": "bar",
    "widetilde": "tilde",
    "underline": "bar",
}
FONTS = frozenset(words("mathrm mathit mathbf mathsf mathtt mathcal mathfrak mathscr mathnormal boldsymbol bm pmb"))
# Several letters in these are one word; in the others they are letters in another type.
WORDS = frozenset({"mathrm", "mathit", "mathsf", "mathtt", "mathnormal", "operatorname", "operatorname*"})
TYPES = {
    **dict.fromkeys(words("mathbf boldsymbol bm pmb"), "mathbf"),
    **dict.fromkeys(words("mathrm operatorname operatorname*"), "mathrm"),
    **dict.fromkeys(words("mathcal mathscr"), "mathcal"),
    **{name: name for name in words("mathsf mathtt mathfrak")},
}
"""Fonts that make another letter of a letter, by one of their names; the others are how letters look anyway."""
ITALICS = frozenset({"mathit", "mathnormal"})
BRACES = frozenset({"overbrace", "underbrace"})
ARGUMENTS = {
    **dict.fromkeys(FRACTIONS, 2),
    **dict.fromkeys([*ACCENTS, *FONTS, *WORDS, *BRACES, "sqrt", "boxed", "label", "tag"], 1),
}

# Nothing but space, size and style.
IGNORED = frozenset(
    [*[",", ";", ":", "!", ">", "/", "@"], " ", "\n", "\t"]
    + words("displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag thinspace medspace")
    + words("thickspace negthinspace negmedspace enspace allowbreak nobreak noindent centering hfill hline toprule")
    + [f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")]
)

GREEK = frozenset(
    [
        *names.GREEK.values(),
        *words("varepsilon vartheta varphi varrho varsigma varpi varkappa varGamma varDelta varTheta varLambda varXi"),
        *words("varPi varSigma varUpsilon varPhi varPsi varOmega ell"),
    ]
)
"""The letters that have a command; \\varepsilon is epsilon. \\ell is a letter of its own."""

OPERATORS = frozenset(words("exp log ln sin cos tan cot sec csc sinh cosh tanh coth max min det"))
"""The functions that TeX has a command for, of the name that they have here."""
FUNCTIONS = {
    **{name: name for name in OPERATORS},
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "lg": "log10",
    "lb": "log2",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
    "relu": "relu",
    "ReLU": "relu",
    "arsinh": "asinh",
}
SPELLINGS = {"ReLU": "relu", "Softmax": "softmax", "GELU": "gelu", "SiLU": "silu", "ELU": "elu", "Relu": "relu"}
"""Words in \\operatorname and \\mathrm that are not spelled as functions are here."""

SIGNS = {
    **dict.fromkeys(("times", "cdot", "ast", "odot", "bullet"), ("TIMES", "*")),
    "div": ("DIVIDE", "/"),
    **dict.fromkeys(("le", "leq", "leqslant"), ("RELATION", "<=")),
    **dict.fromkeys(("ge", "geq", "geqslant"), ("RELATION", ">=")),
    **dict.fromkeys(("ne", "neq"), ("RELATION", "!=")),
    "lt": ("RELATION", "<"),
    "gt": ("RELATION", ">"),
    **dict.fromkeys(("land", "wedge"), ("AND", "and")),
    **dict.fromkeys(("lor", "vee"), ("OR", "or")),
    **dict.fromkeys(("lnot", "neg"), ("NOT", "not")),
    **dict.fromkeys(("equiv", "coloneqq", "triangleq", "coloneq", "doteq"), ("ASSIGN", "=")),
    **dict.fromkeys(("approx", "simeq"), ("ASSIGN", "≈")),
}
PLAIN_SIGNS = {
    "+": ("PLUS", "+"),
    "-": ("MINUS", "-"),
    "*": ("TIMES", "*"),
    "@": ("TIMES", "@"),
    "/": ("DIVIDE", "/"),
    "<": ("RELATION", "<"),
    ">": ("RELATION", ">"),
    "≤": ("RELATION", "<="),
    "≥": ("RELATION", ">="),
    "≠": ("RELATION", "!="),
    "≈": ("ASSIGN", "≈"),
    "!": ("BANG", "!"),
}

# What ends a statement.
ENDS = frozenset(
    words("quad qquad rightarrow to Rightarrow longrightarrow Longrightarrow implies iff Leftrightarrow therefore")
    + words("( ) [ ] par newline leftrightarrow Longleftrightarrow mapsto")
)

# Brackets: what opens and closes, as a sign or a command, and the kind that has to match.
OPENING = {"(": "(", "[": "[", "\\{": "{", "\\lbrace": "{", "\\lbrack": "[", "\\lparen": "("}
OPENING |= {"\\lvert": "|", "\\lVert": "‖", "\\lfloor": "floor", "\\lceil": "ceil"}
CLOSING = {")": "(", "]": "[", "\\}": "{", "\\rbrace": "{", "\\rbrack": "[", "\\rparen": "("}
CLOSING |= {"\\rvert": "|", "\\rVert": "‖", "\\rfloor": "floor", "\\rceil": "ceil"}
BARS = {"|": "|", "\\vert": "|", "\\mid": "|", "\\|": "‖", "\\Vert": "‖", "\\parallel": "‖", "‖": "‖"}
TOKENS = {
    **dict.fromkeys("([{", ("LPAR", "RPAR")),
    "|": ("OPEN_BAR", "CLOSE_BAR"),
    "‖": ("OPEN_NORM", "CLOSE_NORM"),
    **dict.fromkeys(("floor", "ceil"), ("OPEN_FLOOR", "CLOSE_FLOOR")),
}

# Environments.
MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array", "psmallmatrix"})
CASES = frozenset({"cases", "dcases", "rcases"})
LINES = frozenset(
    f"{name}{star}"
    for name in words("aligned align alignat alignedat gather gathered split equation eqnarray multline flalign")
    for star in ("", "*")
) | {"math", "displaymath"}

PAIRED = frozenset({"align", "aligned", "alignat", "alignedat", "flalign"})
"""Those of them whose lines hold several equations, side by side."""

PROSE_WORDS = frozenset(
    words(
        "and or if else otherwise where with for when then given let so thus hence is are be unless while "
        "since because as we have get that which the a an of in at on by to from also"
    )
)
CONDITIONS = frozenset({"if", "unless", "when", "for", "else", "otherwise", "while"})

_NEVER = "commands that define, read, write or set the type are never carried out: give the formula alone"
HOSTILE = dict.fromkeys(
    words(
        "input include write write18 def edef gdef xdef let newcommand renewcommand providecommand "
        "immediate openin openout read closein closeout catcode csname endcsname expandafter loop repeat "
        "special directlua usepackage documentclass newenvironment makeatletter makeatother ShellEscape "
        "verbatiminput lstinputlisting includegraphics import subimport futurelet afterassignment "
        "aftergroup noexpand the jobname string number romannumeral newwrite newread href url html "
        "begingroup endgroup bgroup egroup relax global long outer"
    ),
    _NEVER,
)
_LIST = "write every term out, or use \\sum_{i=1}^{n} with n given"
REFUSED = {
    **HOSTILE,
    **dict.fromkeys(["dots", "ldots", "cdots", "vdots", "ddots", "dotsc", "dotsb"], _LIST),
    **dict.fromkeys(
        ["int", "iint", "iiint", "oint"], "an integral is not computed: give a formula without it, or a \\sum"
    ),
    **dict.fromkeys(["lim", "limsup", "liminf", "sup", "inf"], "a limit is not computed: give the function itself"),
    **dict.fromkeys(["partial", "nabla"], "a derivative is what this program computes: give the function itself"),
    **dict.fromkeys(["pm", "mp"], "give a formula for each sign"),
    "infty": "a number that is not finite needs --ieee and is given as a variable's value",
    **dict.fromkeys(
        ["in", "notin", "subset", "subseteq", "forall", "exists", "cup", "cap", "setminus"], "a formula holds no sets"
    ),
    "circ": "for a composition write f(g(x)), and angles in radians",
    "%": "write a percentage as a fraction, as in 0.05",
    "sim": "give the value itself, as in x = 3",
    "propto": "write = with a factor",
    "langle": "group with ( )",
    "rangle": "group with ( )",
    "middle": "write | without \\middle",
    "over": "write \\frac{a}{b}",
    "atop": "write \\frac{a}{b}",
    "binom": "write \\frac{n!}{k!(n - k)!}",
    "otimes": "for a product of entries write \\odot, for the product of matrices @",
    "oplus": "write +",
    "left": "a bracket follows it, as in \\left( x \\right)",
    "right": "a bracket follows it, as in \\left( x \\right)",
    "text": "prose holds no braces, backslashes or dollar signs",
    "color": "leave the colour out",
    "textcolor": "leave the colour out",
    "ref": "leave the reference out",
    "eqref": "leave the reference out",
    "cite": "leave the reference out",
    "arg": "arg max and arg min have no derivative: give the function itself",
    "mathbb": "a formula holds no sets, and no expectations",
    "bmod": "write \\operatorname{mod}(a, b)",
    "mod": "write \\operatorname{mod}(a, b)",
}

KNOWN = frozenset(
    [
        *(name for name in (*IGNORED, *ENDS) if len(name) > 1),
        *(*ARGUMENTS, *GREEK, *FUNCTIONS, *SIGNS, "left", "right", "begin", "end", "sum", "prod", "text"),
    ]
)
"""The commands that a misspelled one may have meant."""
