"""The key that was sent, kept out of what comes back: a server may repeat it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, AnyStr
from urllib.parse import quote

from requests.structures import CaseInsensitiveDict

from ..completion import Chunk, TokenLogprob
from ..endpoint import Secret
from ..errors import CompleteError
from ..redaction import HIDDEN

NOTICE = f"The endpoint repeated its key in the answer; {HIDDEN} stands in its place."
SHOWN = 3
"""So many of the key's first characters may be shown, until more of it come."""
CUT = 16
"""So many of them tell too much, though the rest is missing."""


class Echo:
    """Takes a key out of texts, JSON, headers and chunks; None takes out nothing."""

    def __init__(self, key: Secret | None) -> None:
        self.forms = _forms(key) if key is not None and _is_secret(key) else ()
        self._starts = tuple(form[: SHOWN + 1] for form in self.forms)
        self._plain = re.fullmatch(r"[\w+/=.~%-]*", "".join(self._starts), re.ASCII)
        self._suspected = True
        """Whether any of what came may hold the key's start, spelt in whatever way."""

    def text(self, text: str, *, whole: bool = True) -> str:
        """Return the text without the key, or its start; not ``whole``: more comes."""
        for form, start in zip(self.forms, self._starts, strict=True):
            if start in text:
                text = _without(form, text, whole=whole)
        return text

    def begun(self, text: str) -> int:
        """Return how many of the text's last characters may begin the key."""
        most = 0
        for form, start in zip(self.forms, self._starts, strict=True):
            if start in text[-len(form) :]:
                sizes = range(min(len(form) - 1, len(text)), most, -1)
                most = next((n for n in sizes if text.endswith(form[:n])), most)
        return most

    def value(self, value: Any) -> Any:
        """Return what JSON holds without the key."""
        if not self.forms or not self.may_hold(value):
            return value
        try:
            found = self._without(value)
        except RecursionError:
            return None
        return value if found == value else found

    def may_hold(self, value: Any) -> bool:
        """Tell whether a text in it may have the key's start, at little cost."""
        try:
            told = tuple.__repr__(value) if isinstance(value, tuple) else repr(value)
        except RecursionError:
            return True
        return not self._plain or any(start in told for start in self._starts)

    def watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of an answer, of which `chunks` are made, looking at each.

        As long as none has the key's start, nor an escape that may stand for a part of
        it, only texts that are put together from what came can have it.
        """
        if not self.forms:
            yield from pieces
            return
        starts = [start.encode() for start in self._starts]
        self._suspected = not self._plain
        end = b""
        for piece in pieces:
            if not self._suspected:
                seen = end + piece
                end = seen[-SHOWN:]
                escaped = b"\\" in seen and (b"\\u" in seen or b"\\/" in seen)
                self._suspected = escaped or _any_in(starts, seen)
            yield piece

    def suspects(self, text: str, chunk: Chunk) -> bool:
        """Tell whether a text, or the chunk it ends with, may have the key's start."""
        if self._suspected or chunk.logprobs:  # tokens may be told as numbers
            return self.may_hold((text, *chunk))
        return _any_in(self._starts, text)

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(k): self._without(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._without(each) for each in value]
        return value

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers without the key."""
        pairs = ((self.text(name), self.text(value)) for name, value in headers.items())
        return CaseInsensitiveDict(pairs)

    def chunks(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Return the chunks without the key, which may be split between them."""
        return self._filtered(chunks) if self.forms else chunks

    def _filtered(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        held = _Held(self)
        try:
            for chunk in chunks:
                if held.passes(chunk):
                    yield chunk
                else:
                    yield from held.take(chunk)
        except CompleteError:
            yield from held.release(whole=True)
            raise
        yield from held.release(whole=True)

    def chunk(self, chunk: Chunk) -> Chunk:
        """Return a chunk without the key in anything but its text."""
        changes: dict[str, Any] = {}
        for name in ("stop_reason", "stop", "id", "model", "notice"):
            old = getattr(chunk, name)
            if old is not None and (new := self.text(old)) != old:
                changes[name] = new
        if (raw := self.value(chunk.raw)) is not chunk.raw:
            changes["raw"] = raw
        if chunk.logprobs:
            changes["logprobs"] = tuple(map(self._logprob, chunk.logprobs))
        cleaned = chunk._replace(**changes) if changes else chunk
        return chunk if cleaned == chunk else cleaned

    def _logprob(self, told: TokenLogprob) -> TokenLogprob:
        others = tuple((self.text(token), p) for token, p in told.alternatives)
        return told._replace(token=self.text(told.token), alternatives=others)


def _any_in(parts: Sequence[AnyStr], whole: AnyStr) -> bool:
    for part in parts:  # noqa: SIM110 - any() takes as long as all the rest
        if part in whole:
            return True
    return False


def _without(form: Secret, text: str, *, whole: bool) -> str:
    """Return the text without the key, and without so much of its start as tells.

    Where more comes, the start stays at the text's end: it may not be the key's.
    """
    begins = form[: min(CUT, len(form))]
    parts: list[str] = []
    done = 0
    while (at := text.find(begins, done)) >= 0:
        pairs = zip(text[at : at + len(form)], form, strict=False)
        size = next((n for n, (a, b) in enumerate(pairs) if a != b), len(form))
        size = min(size, len(text) - at)
        if not whole and size < len(form) and at + size == len(text):
            break
        parts += (text[done:at], HIDDEN)
        done = at + size
    return "".join((*parts, text[done:]))


class _Held:
    """The chunks that end as the key begins; they wait for the next."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._waiting: list[Chunk] = []
        self._shown = ""
        self._told = False

    def passes(self, chunk: Chunk) -> bool:
        """Tell whether a chunk can be shown as it is; else `take` it."""
        text = self._shown + chunk.text
        if self._waiting or self._echo.suspects(text, chunk):
            return False
        self._shown = text[-SHOWN:]
        return True

    def take(self, chunk: Chunk) -> Iterator[Chunk]:
        """Yield what can be shown with one more chunk."""
        self._waiting.append(chunk)
        whole = chunk.ended or chunk.stop_reason is not None
        yield from self.release(whole=whole)

    def release(self, *, whole: bool) -> Iterator[Chunk]:
        """Yield what can be shown, without the key; ``whole``: no more comes."""
        text = self._shown + "".join(chunk.text for chunk in self._waiting)
        found = self._echo.text(text, whole=whole)
        begun = 0 if whole else self._echo.begun(found)
        if found != text:
            shown = self._merge(found, begun if begun > SHOWN else 0)
        else:
            shown = self._part(begun if begun > SHOWN else 0)
        for chunk in shown:
            cleaned = self._echo.chunk(chunk)
            if not self._told and (found != text or cleaned is not chunk):
                self._told = True
                cleaned = cleaned._replace(notice=cleaned.notice or NOTICE)
            self._shown = (self._shown + chunk.text)[-SHOWN:]
            yield cleaned

    def _merge(self, found: str, begun: int) -> list[Chunk]:
        """Return what waits as one, without the key; its last characters wait on."""
        rest = [Chunk(found[-begun:])] if begun else []
        found = found[: len(found) - begun]
        sizes = range(len(self._shown), 0, -1)
        same = next((n for n in sizes if found.startswith(self._shown[:n])), 0)
        shown = [_merged(self._waiting, found[same:], self._echo)]
        self._waiting = rest
        return shown

    def _part(self, begun: int) -> list[Chunk]:
        """Return what waits but the chunks that the last characters are of."""
        place, left = len(self._waiting), begun
        while left > 0 and place:
            place -= 1
            left -= len(self._waiting[place].text)
        shown, self._waiting = self._waiting[:place], self._waiting[place:]
        return shown


def _merged(chunks: list[Chunk], text: str, echo: Echo) -> Chunk:
    """Return the chunks as one of this text.

    Where the key was in pieces, so it is in what they came from, which is left out.
    """
    last = chunks[-1]
    at_once = not chunks[1:] and any(form in last.text for form in echo.forms)
    told = [chunk for chunk in chunks if chunk.logprobs]
    changes: dict[str, Any] = {"text": text}
    if told or not at_once:
        changes["raw"] = None
        changes["logprobs"] = (TokenLogprob(text, None),) if told else ()
    for name in ("usage", "id", "model", "notice"):
        values = [getattr(chunk, name) for chunk in chunks]
        changes[name] = next((v for v in reversed(values) if v is not None), None)
    return last._replace(**changes)


def _is_secret(key: Secret) -> bool:
    """Tell a key from what stands for one where none is wanted, such as ``none``.

    Words such as ``ollama`` and ``lm-studio`` are part of good answers.
    """
    return len(key) >= 12 or (len(key) >= 8 and bool(re.search("[0-9]", key)))


def _forms(key: Secret) -> tuple[Secret, ...]:
    """Return the key as it may be written: as it is, in base64, in a URL."""
    data = key.encode("latin-1", "replace")
    whole = data[: len(data) // 3 * 3]  # what comes after it changes the rest
    forms = (str(key), base64.b64encode(whole).decode(), quote(str(key), safe=""))
    return tuple(Secret(form) for form in dict.fromkeys(forms))
