"""What an installation of the core brings, beside the nearest other tools.

Each goes into a fresh environment by ``pip install``; sizes are of what pip recorded,
bytecode included, pip itself left out.
"""

from __future__ import annotations

from peers import MAGICS, OURS, PROMPTTOOLS, Missing, Peer, Peers, peers
from table import Row, as_text

OTHERS = (*MAGICS, PROMPTTOOLS)


def measure(peers: Peers) -> list[Row]:
    """Return the rows of the report; takes as long as pip takes."""

    def distributions(peer: Peer) -> str:
        return str(peers.installed(peer).distributions)

    def megabytes(peer: Peer) -> str:
        return f"{peers.installed(peer).megabytes:,.0f} MB"

    def row(name: str, target: str, found: str, note: str) -> Row:
        beside = distributions if name.startswith("packages") else megabytes
        return Row(name, target, found, peers.beside(OTHERS, beside), note)

    try:
        ours = peers.installed(OURS)
    except Missing as reason:
        return [row("packages of an installation", "<= 33", "missing", f"{reason}")]
    return [
        row("packages of an installation", "<= 33", str(ours.distributions), "in all"),
        row("size of an installation", "", megabytes(OURS), "with all it needs"),
    ]


if __name__ == "__main__":
    with peers() as nearest:
        print(as_text(measure(nearest)))
