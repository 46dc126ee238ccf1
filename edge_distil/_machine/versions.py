"""Versions of installed packages, for manifests and reports."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return package -> version of those that are installed.

    >>> sorted(installed_versions(["numpy", "no-such-package"]))
    ['numpy']
    """
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # optional, or a source tree never installed
            continue
    return versions
