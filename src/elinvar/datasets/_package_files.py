"""Data files that another package carries, found without importing it."""

from importlib.util import find_spec
from pathlib import Path

from elinvar.errors import MissingExtraError


def find_folder(
    package: str, folder: str, files: tuple[str, ...], *, what: str, extra: str
) -> Path:
    """Return the folder of an optional package in which these files lie.

    Raises
    ------
    MissingExtraError
        If it is not installed; ``what`` names the data in the sentence.
    """
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(location) / folder
        if all((found / name).is_file() for name in files):
            return found
    raise MissingExtraError(
        f"{what} the optional package {package!r}, which is not installed. "
        f"Install it with: pip install 'elinvar[{extra}]'"
    )
