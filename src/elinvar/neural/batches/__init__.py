"""Batches of rows: from one environment, from all, from a window of an axis, or from streams."""
