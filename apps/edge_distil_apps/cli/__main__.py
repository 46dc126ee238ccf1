"""``python -m edge_distil_apps.cli``: the command without its console script."""

from edge_distil_apps.cli import main

main()
