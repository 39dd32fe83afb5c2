"""Which rows of a benchmark are this library's own."""

OURS = "elinvar-auto"
"""The method that titles speak of."""


def ours(method: str) -> bool:
    """Say whether a method is one of this library's faces, which figures set apart."""
    return method.startswith("elinvar")
