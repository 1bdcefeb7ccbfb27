"""Engines that run a lowered formula over rows: one module an engine, each with `prepare(program)`."""
