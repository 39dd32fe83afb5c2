"""Passwords in the addresses of databases, which no message, page or file repeats."""

import re

_SECRET = re.compile(r"(://[^/@\s:]*):[^@\s]*@|(?<=password=)[^&\s']+")


def without_secrets(text: str) -> str:
    """Return a text with the passwords of addresses left out.

    Parameters
    ----------
    text : str
    """
    return _SECRET.sub(lambda found: f"{found[1]}:***@" if found[1] else "***", text)
