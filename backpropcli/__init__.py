"""Differentiate a formula, seeing both passes."""
__version__ = "0.1.0"
