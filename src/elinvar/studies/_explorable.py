"""One page to play with: sliders, phase diagram, growth exponent and runs, all in one file."""

import base64
import hashlib
import os
from pathlib import Path

from elinvar._base import check_page
from elinvar._base._version import __version__
from elinvar.report.layout import write_page

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("explore_theory.js", "explore.js")


def write_explorable_page(path: str | os.PathLike[str]) -> Path:
    """Write a page with sliders that shows when what changes is forgotten.

    Step size, spread and mean of the spurious eigenvalue, environments a batch or width of the
    window move a point on the phase diagram; runs are simulated in the browser. The page is one
    file, loads nothing, and follows the reader's light or dark setting.

    Parameters
    ----------
    path : str or path
        A file, such as ``"explore.html"``.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    FileError
        If the page cannot be written, or is named as another kind of file.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420. The growth exponents are own
    derivations, docs/theory-matrix.md.
    """
    from markupsafe import Markup

    script = "\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    # browsers run the script of this digest and no other: that of all between its tags
    digest = hashlib.sha256(f"\n{script}".encode()).digest()
    return write_page(
        check_page(path),
        "explore.html.j2",
        _TEMPLATES,
        title="One environment at a time",
        version=__version__,
        script=Markup(script),
        digest=base64.b64encode(digest).decode(),
    )
