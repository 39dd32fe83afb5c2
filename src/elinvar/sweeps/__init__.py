"""Grids of runs: named axes in, one tidy table out; knows no algorithm."""

__all__: list[str] = []
