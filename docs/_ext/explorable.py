"""The page to play with, as a file of the site: ``explorable.html``."""

from pathlib import Path

from elinvar.studies import write_explorable_page


def write(app, error):
    if error is None and app.builder.format == "html":
        write_explorable_page(Path(app.outdir) / "explorable.html")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
