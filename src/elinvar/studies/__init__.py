"""One file a claim of the paper: rows, a picture, and a verdict computed from the numbers."""

__all__: list[str] = []
