"""How Sphinx builds the site: ``make docs``. It needs no network, and a warning fails it."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

# One thread in each process: several build pages and run examples at once.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import elinvar  # noqa: E402

project = "elinvar"
author = "The elinvar developers"
project_copyright = author
version = release = elinvar.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "reference",
    "maps",
    "explorable",
]
exclude_patterns = ["_build", "images", "**/GALLERY_HEADER.rst", "gallery/**/*.ipynb"]
templates_path = ["_templates"]
nitpicky = True
toc_object_entries_show_parents = "hide"
# A word in single backticks is a link where it names something that is documented.
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", ".*")]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False

GALLERY = ("effects", "forecast", "data", "networks", "paper", "own")
sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",
    "subsection_order": [f"../examples/gallery/{name}" for name in GALLERY],
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "backreferences_dir": "api/backreferences",
    "doc_module": ("elinvar",),
    "image_scrapers": ("pictures",),
    "ignore_repr_types": r"matplotlib",
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 10,
    "parallel": 2,
}

html_theme = "pydata_sphinx_theme"
html_title = f"elinvar {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "elinvar"},
    "show_nav_level": 1,
    "navigation_depth": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "search_as_you_type": True,
}
copybutton_exclude = ".linenos, .gp, .go"
