"""How Sphinx builds the site. Paths in here are relative to the sources that tests.site lays out."""

from __future__ import annotations

project = "microseg.enforcement"
copyright = "The microseg.enforcement contributors"  # noqa: A001  # Sphinx wants this name
html_title = html_short_title = "microseg.enforcement"

extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext", "myst_parser"]
intersphinx_mapping = {"ansible": ("https://docs.ansible.com/projects/ansible/devel/", "../ansible.inv")}
nitpicky = True
default_role = "any"

# The anchors of headings are those that code hosts make.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]
suppress_warnings = ["myst.header"]

pygments_style = "ansible"
highlight_language = "text"  # commands; everything else says what it is
html_theme = "sphinx_ansible_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_use_smartypants = False
html_use_modindex = False
html_use_index = False
html_copy_source = False
