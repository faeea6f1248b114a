"""Configuration of the documentation site, which Sphinx reads.

    sphinx-build -W --keep-going -b html docs build/site

Nothing is fetched while it builds, and a page asks for nothing outside of the site.
"""

import os
import pathlib
import runpy
import sys

_HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
# TensorFlow's log says nothing about the documentation.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

project = "kerasnn"
author = "The kerasnn authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx reads this name.
version = release = runpy.run_path(str(_HERE.parent / "kerasnn" / "_version.py"))["__version__"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    # Pages of source, to which each name of the reference links. `linkcode` would link to a host.
    "sphinx.ext.viewcode",
    "sphinx_design",
    # Pages that are written from the docstrings, the tutorials and the tests.
    "extensions.docstrings",
    "extensions.reference",
    # In place of sphinx-gallery, which executes what it shows: the course takes ten minutes, and
    # the tests run each script anyway and compare its figure with the one that is shown here.
    "extensions.course",
    "extensions.commands",
    "extensions.error_texts",
]
# Not intersphinx: it downloads an index of each library. Not mathjax: it is loaded from a CDN;
# formulas are plain text, as in the docstrings.

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.strikethrough"]

# One backtick in a docstring is code, and a link where the reference has the name.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Shape", "Reference", ("Formula", "notes_style")]

html_title = f"kerasnn {version}"
html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "kerasnn"},
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_nav_level": 1,
    "navigation_depth": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
