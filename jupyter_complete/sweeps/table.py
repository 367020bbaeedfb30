"""A sweep as rows: records, data frames, files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..completion import Completion
from ..errors import InputError, one_line
from ..plain import by_name, csv_cell
from ..scores import Value
from .points import Point

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]

_TYPED = frozenset({bool, bytes, Decimal, date, datetime, time, timedelta})
"""What has a type of its own in a file that has types."""
_FIELDS = tuple(field.name for field in fields(Completion))
_COLUMNS = {*_FIELDS, "prompt", "input_tokens", "output_tokens"}
"""What every record has of its answer."""
_WHY = "_reasons"
_LEFT = {"request", "checks"}
"""Fields that have other columns: those of the request, and a sweep's scores."""
_WIDEST = 60
"""Characters of a cell in a table of text."""
_SAME = ("model", "endpoint", "dialect")
"""What can be swept and is also told by the answer: one column where both agree."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How an answer was scored."""

    expected: object
    """None where nothing was."""
    extracted: str | None
    """What was taken out of the text; None: nothing was found, or was to be."""
    scores: Mapping[str, Value]
    taken: bool = False
    """Whether anything was to be taken out."""
    item: tuple[str, ...] = ()
    """Which row of the data it is: answers to the same one are alike."""
    reasons: Mapping[str, str | None] = field(default_factory=dict)
    """Why a score is what it is, of those that say so."""


class SweepRow(NamedTuple):
    """One call of a sweep."""

    point: Point
    sample: int
    completion: Completion | None
    """None: pending."""
    marks: Marks | None = None
    """None: not scored."""


def records(rows: Sequence[SweepRow], names: Sequence[str]) -> list[Record]:
    """Return a record for each call that was made: the names first, then every field.

    A name that a field of `Completion` or a score has, too, stands as ``asked_name``:
    in the column ``text`` is always the answer's text. ``prompt``, ``input_tokens`` and
    ``output_tokens`` have columns beside ``request`` and ``usage``.
    """
    made = [(row, row.completion) for row in rows if row.completion is not None]
    marks = _columns_of_marks(rows)
    columns = {
        name: f"asked_{name}"
        for name in names
        if (name in _COLUMNS and not (name in _SAME and _told(name, made)))
        or (name in marks and not (name == "expected" and _as_expected(name, made)))
    }
    return [
        {columns.get(name, name): row.point.values[name] for name in names}
        | {"sample": completion.sample, "text": completion.text}
        | {name: _mark(row.marks, name) for name in marks}
        | _fields(completion)
        for row, completion in made
    ]


def _told(name: str, made: Sequence[tuple[SweepRow, Completion]]) -> bool:
    return all(row.point.values[name] == getattr(one, name) for row, one in made)


def _as_expected(name: str, made: Sequence[tuple[SweepRow, Completion]]) -> bool:
    return all(stands_in(row, name) for row, _ in made)


def stands_in(row: SweepRow, name: str) -> bool:
    """Tell whether the value of a name is what was expected; an array has no ``==``."""
    if row.marks is None:
        return False
    value, wanted = row.point.values[name], row.marks.expected
    return value is wanted or (isinstance(value, (str, int, float)) and value == wanted)


def _columns_of_marks(rows: Sequence[SweepRow]) -> list[str]:
    """Return the names of what the scores add to each record."""
    marks = [row.marks for row in rows if row.marks]
    found = ["expected"] * any(one.expected is not None for one in marks)
    found += ["extracted"] * any(one.taken for one in marks)
    reasons = dict.fromkeys(f"{name}{_WHY}" for one in marks for name in one.reasons)
    return [*found, *(marks[0].scores if marks else ()), *reasons]


def _mark(marks: Marks | None, name: str) -> object:
    if marks is None or name in marks.scores:
        return marks and marks.scores[name]
    if name.endswith(_WHY):
        return marks.reasons.get(name.removesuffix(_WHY))
    return marks.expected if name == "expected" else marks.extracted


def _fields(completion: Completion) -> Record:
    usage = completion.usage
    return {
        "status": completion.status,
        "prompt": completion.prompt,
        "input_tokens": usage and usage.input_tokens,
        "output_tokens": usage and usage.output_tokens,
        **{name: getattr(completion, name) for name in _FIELDS if name not in _LEFT},
        "usage": usage and usage._asdict(),
        "raw": dict(completion.raw),
        "request": by_name(completion.request),
    }


def in_columns(lines: Sequence[Sequence[str]]) -> str:
    """Return the lines as text, their cells below each other; each is one line."""
    short = [[one_line(cell, _WIDEST) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in short
    )


def to_dataframe(found: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the records as a pandas DataFrame."""
    try:
        import pandas as pd  # noqa: PLC0415 - only who asks for a frame pays for it
    except ImportError as error:
        raise InputError(
            "A data frame wants pandas: pip install 'jupyter-complete[frames]'."
        ) from error
    return pd.DataFrame(list(found))


def export(found: Sequence[Record], path: str | Path, kind: str | None = None) -> Path:
    """Write the records to a file of the kind, or that the path's ending asks for."""
    path = Path(path).expanduser()
    write = WRITERS.get(kind or path.suffix.lower())
    if write is None:
        raise InputError(
            f"{path.name!r} has no ending that says how to write it; end it with "
            f"{', '.join(WRITERS)}."
        )
    try:
        write(found, path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}."
        ) from error
    return path


def _write_jsonl(found: Sequence[Record], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in found:
            file.write(json.dumps(record, default=str) + "\n")


def _write_csv(found: Sequence[Record], path: Path) -> None:
    # An answer may hold half a character, which UTF-8 cannot carry.
    with path.open(
        "w", encoding="utf-8", errors="backslashreplace", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(map(csv_cell, found[0] if found else []))
        for record in found:
            writer.writerow(csv_cell(_flat(value)) for value in record.values())


def _write_parquet(found: Sequence[Record], path: Path) -> None:
    try:
        import pyarrow as pa  # noqa: PLC0415 - only who asks for Parquet pays for it
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "A .parquet file wants pyarrow: pip install pyarrow."
        ) from error
    names = [*found[0]] if found else []
    table = {name: _column([record[name] for record in found]) for name in names}
    pq.write_table(pa.table(table), path)


def _flat(value: object) -> object:
    """Return what one cell can hold: nested values as JSON."""
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, default=str)
    return value


def _column(values: Sequence[object]) -> list[object]:
    """Return the values with one type, as a typed file wants them: text if mixed."""
    flat = [_flat(value) for value in values]
    kinds = {type(value) for value in flat if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= _TYPED):
        return flat
    return [
        value
        if value is None
        else str(value).encode(errors="backslashreplace").decode()
        for value in flat
    ]


WRITERS: Mapping[str, Callable[[Sequence[Record], Path], None]] = {
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
