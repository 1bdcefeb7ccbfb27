"""The commands: one file each, exposing `command`; the first line of its docstring is its line in `backprop --help`.

Files that start with `_` are shared parts.
"""
