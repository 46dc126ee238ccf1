"""Other engines as their own users run them, measured beside ours."""

from edge_distil_bench.peers.peer import PEERS, Peer, Wanted, parse, release
from edge_distil_bench.peers.prepare import Origin, Prepared, find_checkpoint, prepare

__all__ = [
    "PEERS",
    "Origin",
    "Peer",
    "Prepared",
    "Wanted",
    "find_checkpoint",
    "parse",
    "prepare",
    "release",
]
