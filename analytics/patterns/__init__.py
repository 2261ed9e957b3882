"""Failure patterns: which failures are one way to fail, decided by their masked messages."""
