"""Bundles and the page that answers and measures with them, for any browser at hand."""

from edge_distil_apps.serve.contents import Contents, collect
from edge_distil_apps.serve.static import write_static

__all__ = ["Contents", "collect", "write_static"]
