"""Homework: assignments, answers as they are written, and what they are worth."""
