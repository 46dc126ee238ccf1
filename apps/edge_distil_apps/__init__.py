"""What people run: the command line, the demonstration and, later, study, serve and search."""

import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    # `python -m edge_distil_apps.cli`, as it looks for the module: the working directory is first
    # on the path, and a stranger's numpy.py there would run. The console script never has it.
    del sys.path[0]

__all__: list[str] = []
