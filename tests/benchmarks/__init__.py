"""Measurements: run by `python -m tests.benchmarks`, never as timed tests."""
