"""Trapline measured beside its rivals: see Documentation/Benchmarks.md."""
