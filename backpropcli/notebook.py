"""What the Python door gives, as a notebook shows it: a report as its tables, a formula as its reading.

Notebooks ask for `_repr_mimebundle_` and its like by these names; nothing of theirs is imported here, and a renderer
only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from backpropcli.report import Report

WIDEST = 200
"""How much of a long formula or point a line of a console repeats."""


class _Shown:
    """Something with an HTML and a Markdown form, and a plain one for consoles."""

    # Whoever shows itself says how.

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _repr_markdown_(self) -> str:
        raise NotImplementedError

    def _plain(self) -> str:
        return repr(self)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None, **_: Any
    ) -> dict[str, str]:
        """The forms that are wanted, by their media types; all of them by default."""
        forms = {"text/plain": self._plain, "text/html": self._repr_html_, "text/markdown": self._repr_markdown_}
        wanted = [kind for kind in forms if not include or kind in include]
        return {kind: forms[kind]() for kind in wanted if not exclude or kind not in exclude}


class ShownReport(Report, _Shown):
    """A report that shows itself as its tables."""

    def __repr__(self) -> str:
        # Of a dataclass it would be every row.
        parts = (("point", dict(self.point)), ("value", self.value), ("grad", self.grad))
        said = [repr(self.formula), *(f"{name}={value!r}" for name, value in parts)]
        return f"Report({', '.join([text if len(text) <= WIDEST else f'{text[: WIDEST - 3]}...' for text in said])})"

    def _repr_html_(self) -> str:
        from backpropcli.rendering import Style, _html

        return "".join(_html.render(self, Style()))

    def _repr_markdown_(self) -> str:
        return self._in("markdown")

    def _plain(self) -> str:
        from backpropcli.rendering import Style, notes

        return self._in("table") + "".join(notes(self, Style()))

    def _in(self, form: str) -> str:
        from backpropcli.rendering import Style, renderer

        return "".join(renderer(form).render(self, Style()))


class ShownFormula(_Shown):
    """A formula that shows itself as its reading, with the variables it has."""

    variables: tuple[str, ...]

    @property
    def reading(self) -> str:
        """The formula as it was understood."""
        # A formula's own; what is shown of it needs no more than this.
        raise NotImplementedError

    def _repr_html_(self) -> str:
        from backpropcli.rendering import Style, _html

        return _html.formula(self.reading, self.variables, Style())

    def _repr_markdown_(self) -> str:
        from backpropcli.rendering import Style, markdown

        return markdown.formula(self.reading, self.variables, Style())
