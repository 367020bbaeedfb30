"""What is typed for a magic reaches it as it was typed, and is shown once.

IPython takes a question mark at the end of a line for a request for help, cleans
cells as if they were Python, and shows the value of a cell's last expression.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    assemble_continued_line,
    find_end_of_continued_line,
)

from ..cell import OURS, read
from ..errors import InputError
from ..scope import caller_of, names_at

if TYPE_CHECKING:
    from tokenize import TokenInfo

    from IPython.core.interactiveshell import InteractiveShell

# `%complete …`, but not `%complete?`, which asks for help; also in `%time %complete …`.
# A `%%complete` that comes here does not begin its cell.
_OURS = re.compile(rf"(?:%\w+\s+(?:-\S+\s+)*)*%%?{OURS.pattern}(?:\s.*)?", re.DOTALL)
_MAGIC = re.compile(r"%(%?\w+)\s*(.*)", re.DOTALL)
_RUN = ("run_line_magic", "run_cell_magic")
_BEFORE = {tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.COMMENT}


def load(shell: InteractiveShell) -> None:
    """Add what reads the input to the shell."""
    manager = shell.input_transformer_manager
    manager.cleanup_transforms.insert(0, cell_input)
    manager.token_transformers.append(LineInput)
    shell.ast_transformers.append(ShownOnce())


def unload(shell: InteractiveShell) -> None:
    """Take it away again."""
    manager = shell.input_transformer_manager
    manager.cleanup_transforms.remove(cell_input)
    manager.token_transformers.remove(LineInput)
    shell.ast_transformers[:] = [
        one for one in shell.ast_transformers if not isinstance(one, ShownOnce)
    ]


def variables(shell: InteractiveShell) -> Mapping[str, object]:
    """Return what names stand for where the magic was called.

    IPython tells a line magic the names of its caller, and a cell magic those of the
    notebook, also where a function called it; a shell in a function has globals, too.
    """
    caller = caller_of(sys._getframe(1), _RUN)  # noqa: SLF001 - as IPython does it
    return names_at(caller, shell.user_ns, shell.user_global_ns)


def prompt_text(
    rest: str, cell: str | None, magic: str = "%%complete", *, optional: bool = False
) -> str:
    """Return the prompt of a line's rest, or of a cell's body; raise `InputError`."""
    if cell is None:
        if not rest and not optional:
            raise InputError(
                f"There is no prompt: write it after the flags, or below {magic}."
            )
        return rest
    refuse_words(rest, magic, "the prompt goes below it.")
    # IPython ends every cell with a newline that its user did not write.
    return cell.removesuffix("\n")


def refuse_words(rest: str, magic: str, remedy: str) -> None:
    """Raise `InputError` if words stand on a line that takes flags alone."""
    if rest:
        word = rest.split(maxsplit=1)[0]
        raise InputError(f"{word!r} on the {magic} line is no flag; {remedy}")


def cell_input(lines: list[str]) -> list[str]:
    """Return a cell of our magics as a call that has its body to the byte."""
    cell = read("".join(lines))
    if cell is None:
        return lines
    # IPython refuses a body that is empty, and variants of the prompt want no other.
    call = (cell.magic, cell.line, cell.body or "\n")
    return [f"get_ipython().run_cell_magic{call!r}\n"]


# So IPython passes it over where it only looks whether a cell is complete: a terminal
# would take the call for complete when its first line is.
cell_input.has_side_effects = True  # type: ignore[attr-defined]


class LineInput(TokenTransformBase):
    """Makes ``%complete What is with?`` and ``x = %complete …`` calls."""

    # Before HelpEnd, whose priority is 5 and which would take the line.
    priority = 4

    def __init__(self, statement: TokenInfo, magic: TokenInfo) -> None:
        super().__init__(statement.start)  # type: ignore[no-untyped-call]
        self._line, self._column = magic.start[0] - 1, magic.start[1]

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[TokenInfo]]) -> Any:
        """Return the first line that calls a magic of ours, alone or for its value."""
        for tokens in tokens_by_line:
            code = [token for token in tokens if token.type not in _BEFORE]
            for index in (0, _after_assignment(code)):
                if index < len(code) and _call(code[index]):
                    return cls(code[0], code[index])
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Return the lines with that one as a call of the magic."""
        end = find_end_of_continued_line(lines, self._line)
        text = assemble_continued_line(lines, (self._line, self._column), end)
        match = _MAGIC.fullmatch(text)
        if match is None:  # pragma: no cover - `find` saw it match
            return lines
        if match[1].startswith("%"):
            return [_refusal(match[1])]
        call = "get_ipython().run_line_magic"
        return [
            *lines[: self._line],
            f"{lines[self._line][: self._column]}{call}{match.groups()!r}\n",
            *lines[end + 1 :],
        ]


def _refusal(magic: str) -> str:
    """Return what takes the place of a cell that has code before a cell magic."""
    message = (
        f"%{magic} begins its cell, with nothing but comments above it: put the code "
        "into a cell of its own; -o NAME names the result."
    )
    return f"raise __import__('jupyter_complete').errors.InputError({message!r})\n"


def _after_assignment(tokens: Sequence[TokenInfo]) -> int:
    """Return the index after the first ``=`` in no bracket; 0: there is none."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.string in {"(", "[", "{"}) - (token.string in {")", "]", "}"})
        if token.string == "=" and depth == 0:
            return index + 1
    return 0


def _call(token: TokenInfo) -> bool:
    return _OURS.fullmatch(token.line[token.start[1] :].rstrip()) is not None


class ShownOnce(ast.NodeTransformer):
    """Keeps the shell from showing again, as Out, what ``%complete`` has shown.

    It returns its completion, for ``answer = %complete …``.
    """

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Return the cell, the value of each of its calls dropped."""
        for statement in node.body:
            if isinstance(statement, ast.Expr) and _shows_itself(statement.value):
                # A pair of it and None, of which the None is taken.
                pair = ast.Tuple([statement.value, ast.Constant(None)], ast.Load())
                statement.value = ast.Subscript(pair, ast.Constant(1), ast.Load())
        return ast.fix_missing_locations(node)


def _shows_itself(value: ast.expr) -> bool:
    match value:
        case ast.Call(
            func=ast.Attribute(attr="run_line_magic" | "run_cell_magic"),
            args=[ast.Constant("complete"), *_],
        ):
            return True
    return False
