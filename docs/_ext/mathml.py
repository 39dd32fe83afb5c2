"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What docutils does not know, as what it knows.
SPELLINGS = [
    (re.compile(r"\\dots(?![a-z])"), r"\\ldots"),
    (re.compile(r"\\(Big|textstyle)(?![a-z])"), ""),
    (re.compile(r"\\([td]?frac)(\d)(\d)"), r"\\\1{\2}{\3}"),
]


def mathml(node, *, block):
    text = node.astext()
    for spelling, known in SPELLINGS:
        text = spelling.sub(known, text)
    try:
        return tex2mathml(text, as_block=block)
    except MathError as error:
        logger.warning("this formula cannot be drawn (%s): %s", error, text, location=node)
        raise nodes.SkipNode from error


def visit_inline(writer, node):
    writer.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def visit_block(writer, node):
    writer.body.append(f'<div class="formula">{mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
