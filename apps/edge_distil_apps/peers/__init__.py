"""Other engines as their own users run them, measured beside ours."""

from edge_distil_apps.peers.peer import PEERS, Peer, Wanted, parse, release
from edge_distil_apps.peers.prepare import Prepared, Source, find_checkpoint, prepare

__all__ = [
    "PEERS",
    "Peer",
    "Prepared",
    "Source",
    "Wanted",
    "find_checkpoint",
    "parse",
    "prepare",
    "release",
]
