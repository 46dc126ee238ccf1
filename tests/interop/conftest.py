"""The clients import what only their own environments have: they are run, never collected."""

collect_ignore = ["clients"]
