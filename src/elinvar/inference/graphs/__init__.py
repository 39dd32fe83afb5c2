"""Causal graphs from environments that act on few variables: costs of mechanisms, and searches."""
