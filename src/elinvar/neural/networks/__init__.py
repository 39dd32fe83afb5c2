"""Two-layer networks, from rich to lazy, and a loss for batches of one environment."""
