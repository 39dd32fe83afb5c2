"""Figures of the benchmark: ranks, recovery, error against time."""
