"""The picture that a block of an example ends in, as the gallery shows it.

elinvar draws without pyplot, which keeps no figure that nobody asked for; sphinx-gallery knows
those of pyplot alone.
"""

from matplotlib.axes import Axes
from sphinx_gallery.scrapers import figure_rst, matplotlib_scraper


def last_picture(block, block_vars, gallery_conf):
    """Save the figure of the axes that are a block's last value, and what pyplot drew."""
    rst = matplotlib_scraper(block, block_vars, gallery_conf)
    names = block_vars["example_globals"]
    # sphinx-gallery keeps the last value as ___ until another block ends in one
    last = names.get("___")
    if rst or not isinstance(last, Axes) or last is names.get("_shown"):
        return rst
    names["_shown"] = last
    path = next(block_vars["image_path_iterator"])
    # the whole picture, also of axes in one part of it
    last.figure.figure.savefig(path, bbox_inches="tight")
    return figure_rst([path], gallery_conf["src_dir"])


def _get_sg_image_scraper():
    return last_picture
