"""The memory that a model needs, and whether there is so much."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .entries import entries, number, opened
from .files import ModelFile

CONTEXTS = (4096, 2048, 1024, 512)
"""The most tokens that a call may have, as far as the model has so many."""
CACHE = 1 << 30
"""The bytes that what the calls have read may take, or as many as the model itself."""
BUFFERS = 100_000_000
"""Bytes that the engine works with."""
_NUMBERS = 2 * 2
"""The bytes of a key and of a value, each a number of 16 bits."""


def context_of(file: ModelFile, calls: int) -> int:
    """Return how many tokens each of so many calls at once may have."""
    token, most = _cache(file.path)
    limit = max(CACHE, file.path.stat().st_size)
    fits = (one for one in CONTEXTS if one * calls * token <= limit)
    return min(next(fits, CONTEXTS[-1]), most)


def needed(file: ModelFile, calls: int) -> int:
    """Return about how many bytes a model needs for so many calls at once."""
    cache = _cache(file.path)[0] * context_of(file, calls) * calls
    return file.path.stat().st_size + cache + BUFFERS


def refuse_full(file: ModelFile, calls: int, loaded: Sequence[str]) -> None:
    """Raise `InputError` if there is not so much memory, with what could be ended."""
    wanted, free = needed(file, calls), available()
    if free is not None and wanted > free:
        remedy = "name a smaller file, or end what else needs much"
        if loaded:
            remedy = f"{', '.join(loaded)} can be ended with %complete_models --unload"
        raise InputError(
            f"{file.name} needs about {wanted / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free; {remedy}."
        )


def available(
    system: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return the bytes of memory that are free; None where the system does not tell."""
    told = re.search(r"MemAvailable:\s+(\d+) kB", _text(system))
    free = int(told[1]) * 1024 if told else None
    limit, used = _text(group / "memory.max"), _text(group / "memory.current")
    if free is not None and limit.strip().isdigit() and used.strip().isdigit():
        return min(free, int(limit) - int(used))
    return free


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _cache(path: Path) -> tuple[int, int]:
    """Return the bytes of the cache for a token, and the most tokens of a call."""
    with opened(path) as data:
        told = {
            key.partition(".")[2]: number(data, entry)
            for key, entry in entries(data).items()
            if re.search(r"\.(block_count|context_length|embedding_length)$", key)
            or re.search(r"\.attention\.(head_count(_kv)?|(key|value)_length)$", key)
        }
    heads = told.get("attention.head_count") or 1
    size = told.get("embedding_length", 0) / heads
    key = told.get("attention.key_length", size)
    value = told.get("attention.value_length", size)
    kept = told.get("attention.head_count_kv", heads) * told.get("block_count", 0)
    most = int(told.get("context_length") or CONTEXTS[0])
    return int(kept * (key + value) / 2 * _NUMBERS), most
