"""Moments and rows made ready for the learners: centred, scaled, gates to columns."""
