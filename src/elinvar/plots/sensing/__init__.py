"""Figures of matrix sensing and of the studies: outcomes, signals, distances."""
