r"""A line of flags, read and written: settings and the magics' own options.

Values in quotes are Python strings, so that ``--stop "\n\n"`` is two newlines; every
other value is taken as it stands.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from traitlets import Bool, Enum, Float, Int, List, TraitType, Union

from ..errors import InputError
from .options import CompleteOptions, MagicOptions
from .parameters import parameters
from .traits import Parameter

Kind = Literal[
    "text", "name", "integer", "number", "integer or auto", "choice", "switch"
]


class Flag(NamedTuple):
    """One flag as a user may type it."""

    name: str
    """The setting or option that it sets."""
    spellings: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str
    choices: tuple[str, ...]
    repeat: bool
    setting: bool
    optional: bool
    """Whether ``none`` unsets it."""
    value: bool
    """What a switch sets."""

    @property
    def long(self) -> str:
        """The spelling in full."""
        return self.spellings[-1]


Given = TypeVar("Given", bound=MagicOptions)


class MagicLine(NamedTuple, Generic[Given]):
    """A line of flags, read."""

    overrides: Mapping[str, Any]
    """The settings that were given, by name."""
    options: Given
    rest: str
    """What follows the flags, to the byte."""


def flags(options: type[MagicOptions] = CompleteOptions) -> Iterator[Flag]:
    """Yield every flag of a magic: the settings' in their order, then its options'."""
    if options.settings:
        yield from _of_settings()
    for option in fields(options):
        tag = option.metadata
        choices = tag.get("choices", ())
        kind: Kind = "switch" if tag["metavar"] is None else "text"
        yield Flag(
            option.name,
            tag["flags"],
            "choice" if choices else tag.get("kind", kind),
            tag["help"],
            "|".join(choices) or tag["metavar"] or "",
            choices,
            bool(tag.get("repeat")),
            setting=False,
            optional=False,
            value=True,
        )


@cache
def _of_settings() -> tuple[Flag, ...]:
    return tuple(_of_setting(parameter) for parameter in parameters())


def _of_setting(parameter: Parameter) -> Flag:
    trait = parameter.trait
    choices = tuple(trait.values or ()) if isinstance(trait, Enum) else ()
    kind = _kind(trait)
    plain = {"integer": "N", "number": "NUMBER"}.get(kind, parameter.name.upper())
    return Flag(
        parameter.name,
        parameter.flags,
        kind,
        parameter.help,
        "" if kind == "switch" else parameter.metavar or "|".join(choices) or plain,
        choices,
        isinstance(trait, List),
        setting=True,
        optional=bool(trait.allow_none) and kind in {"integer", "number"},
        value=not trait.default_value,
    )


def _kind(trait: TraitType[Any, Any]) -> Kind:
    kinds: tuple[tuple[type, Kind], ...] = (
        (Bool, "switch"),
        (Enum, "choice"),
        (Int, "integer"),
        (Float, "number"),
        (Union, "integer or auto"),
    )
    return next((kind for type_, kind in kinds if isinstance(trait, type_)), "text")


_TOKEN = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S)+""")


def parse(line: str, options: type[Given]) -> MagicLine[Given]:
    """Read the flags of a line; they come first, unless words may stand anywhere.

    Raises `InputError`, naming the flag.
    """
    known = {spelling: flag for flag in flags(options) for spelling in flag.spellings}
    found: dict[str, Any] = {}
    tokens = _TOKEN.finditer(line)
    rest = ""
    for token in tokens:
        if token[0] == "--":
            rest = line[token.end() :].lstrip()
            break
        if not re.match(r"--?[A-Za-z]", token[0]):
            if options.words_anywhere:
                rest = f"{rest} {token[0]}".lstrip()
                continue
            rest = line[token.start() :]
            break
        spelling, equals, text = token[0].partition("=")
        flag = _find(spelling, known, options.magic)
        if flag.kind == "switch":
            if equals:
                raise InputError(f"{spelling} takes no value; write it alone.")
            found[flag.name] = flag.value
            continue
        if not equals:
            text = _next(tokens, flag)
        value = _convert(flag, _unquote(text))
        found[flag.name] = (*found.get(flag.name, ()), value) if flag.repeat else value
    own = {option.name for option in fields(options)}
    return MagicLine(
        {name: value for name, value in found.items() if name not in own},
        options(**{name: value for name, value in found.items() if name in own}),
        rest,
    )


def _find(spelling: str, known: Mapping[str, Flag], magic: str) -> Flag:
    if spelling in known:
        return known[spelling]
    starts = {flag.long for flag in known.values() if flag.long.startswith(spelling)}
    if spelling.startswith("--") and len(starts) == 1:
        return known[starts.pop()]
    near = difflib.get_close_matches(spelling, known, 1, 0.7)
    if re.match(r"--?(api[-_]?)?key", spelling):
        remedy = "a key never goes into a cell; set ANTHROPIC_API_KEY or the like."
    elif near:
        remedy = f"did you mean {near[0]}?"
    else:
        remedy = f"{magic}? lists them; text that begins so goes after --"
    raise InputError(f"There is no flag {spelling}: {remedy}")


def _next(tokens: Iterator[re.Match[str]], flag: Flag) -> str:
    token = next(tokens, None)
    if token is None:
        raise InputError(f"{flag.long} wants a value: {flag.long} {flag.metavar}.")
    return token[0]


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        try:
            return str(ast.literal_eval(text))
        except (SyntaxError, ValueError):
            return text[1:-1]
    return text


# In, Out, _, _5, _i5 and the like, _completion, and what IPython gives a notebook.
_SHELLS = re.compile(
    r"In|Out|_{1,3}|_i{1,3}|_i?\d+|_[iod]h|__\w+__|_exit_code|_completion|_sweep"
    r"|get_ipython|exit|quit|open|display"
)


def _convert(flag: Flag, text: str) -> Any:
    if flag.optional and text.lower() == "none":
        return None
    try:
        if flag.kind == "number":
            return float(text)
        if flag.kind == "integer" or (
            flag.kind == "integer or auto" and text != "auto"
        ):
            return int(text)
    except ValueError as error:
        wanted = {"number": "a number", "integer": "a whole number"}.get(
            flag.kind, "a whole number or auto"
        )
        raise InputError(f"{flag.long} is {text!r}; give {wanted}.") from error
    if flag.choices and text not in flag.choices:
        raise InputError(
            f"{flag.long} is {text!r}; choose from {', '.join(flag.choices)}."
        )
    if flag.kind == "name":
        _check_name(flag, text)
    return text


def _check_name(flag: Flag, name: str) -> None:
    if keyword.iskeyword(name) or not name.isidentifier():
        why = ""
    elif _SHELLS.fullmatch(name):
        why = ", which the notebook itself uses"
    elif name in vars(builtins):
        why = f", which would hide Python's own {name}"
    else:
        return
    raise InputError(
        f"{flag.long} is {name!r}{why}; give the name of a variable, as in "
        f"{flag.spellings[0]} answer."
    )


def write(overrides: Mapping[str, Any]) -> str:
    """Return the line of flags that says these by name; `parse` reads it back."""
    words = []
    for flag in flags():
        if flag.name not in overrides:
            continue
        value = overrides[flag.name]
        if flag.kind == "switch":
            words += [flag.long] if value == flag.value else []
            continue
        for item in value if flag.repeat else [value]:
            words += [flag.spellings[0], quoted(item)]
    return " ".join(words)


def quoted(value: object) -> str:
    """Return a value as it is written on a line, in quotes where it has to be."""
    text = "none" if value is None else str(value)
    plain = re.fullmatch(r"[\w./:+@|~-]+", text, re.ASCII)
    return text if plain else repr(text)


def help_text(options: type[MagicOptions] = CompleteOptions) -> str:
    """Return the list of all flags with their help, for a docstring."""
    lines = []
    for flag in flags(options):
        names = ", ".join(flag.spellings)
        lines.append(f"  {names} {flag.metavar}".rstrip())
        lines.append(f"      {flag.help}")
    return "\n".join(lines)


def describe(what: str, options: type[MagicOptions], more: str = "") -> str:
    """Return the docstring of a magic: what it does, its flags, and more."""
    return f"{what}\n\nFlags:\n\n{help_text(options)}\n\n{more}".rstrip()
