"""How Sphinx makes the book; see `autograder.book`."""

from importlib.util import find_spec

from autograder.addresses import load
from autograder.book.docstrings import leave_out, to_rest

project = load().title
html_title = project
author = "the course authors"
copyright = "the course authors; text CC BY 4.0, code MIT"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
nb_execution_mode = "off"
nb_render_markdown_format = "gfm"
nb_ipywidgets_js = {}
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_update_mathjax = False

default_role = "code"
autodoc_default_options = {"members": True, "member-order": "bysource"}
python_maximum_signature_line_length = 80
python_trailing_comma_in_multi_line_signatures = False
add_module_names = False

html_theme = "sphinx_book_theme"
[mathjax] = find_spec("jupyter_server_mathjax").submodule_search_locations
html_static_path = ["static", f"{mathjax}/static"]
html_css_files = ["book.css"]
html_favicon = "static/filter.svg"
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],  # there is a search field in the side bar
}

# MathJax 2.7 comes with the pages, and with it one family of fonts.
mathjax_path = "MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe"
mathjax2_config = {
    "messageStyle": "none",
    "HTML-CSS": {"availableFonts": ["STIX-Web"], "webFont": "STIX-Web", "imageFont": None},
}


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", to_rest)
    app.connect("autodoc-skip-member", leave_out)
