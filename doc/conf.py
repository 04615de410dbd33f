"""Sphinx configuration: the manual, built with warnings as errors."""

from z4tw import __version__

project = "z4tw"
author = "the z4tw developers"
copyright = "2026, the z4tw developers"
release = version = __version__
extensions = ["sphinx.ext.autodoc"]
autodoc_typehints = "description"
exclude_patterns = ["_build", "example_plugin"]
html_theme = "alabaster"
html_theme_options = {"description": "An S3 server on Twisted", "fixed_sidebar": True}
nitpicky = False
