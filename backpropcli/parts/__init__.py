"""Many files of rows: each is a part that one process maps by itself, so that any engine may share them out and retry.

What goes from process to process are names of files and a task, as text: no rows, and no objects.
"""

from __future__ import annotations

from backpropcli.parts.part import one
from backpropcli.parts.task import Task

__all__ = ["Task", "one"]
