"""How the documentation is built; `make docs` fails on any warning."""

from __future__ import annotations

from importlib import metadata

project = "Perdure"
author = "The Perdure authors"
release = metadata.version("perdure")

extensions = ["myst_parser"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Perdure {release}"
html_show_copyright = False
html_show_sphinx = False
