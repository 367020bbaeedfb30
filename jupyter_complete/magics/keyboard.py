"""Who sits at the keyboard: asked for a key, and stopping what has not begun."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import CompletionInterrupted

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def asking(shell: InteractiveShell) -> Callable[[str], str]:
    """Return what asks a question, hidden, in this shell.

    It raises `EOFError` where other cells wait behind the one that asks, as under
    *Run All*: whoever started them does not wait at the screen.
    """

    def ask(question: str) -> str:
        kernel = getattr(shell, "kernel", None)
        if kernel is not None and requests_wait(kernel):
            raise EOFError
        # A kernel puts its own getpass in this place, anew for each cell.
        return getpass.getpass(question)

    return ask


def requests_wait(kernel: Any) -> bool:
    """Tell whether requests wait behind the one that a kernel serves."""
    thread = getattr(kernel, "shell_channel_thread", None)
    try:
        if thread is None:  # ipykernel 6
            kernel.shell_stream.flush()
            return int(kernel.msg_queue.qsize()) > 0
        # What waits in the socket becomes a task, and each request is one that serves
        # it; looking at the socket alone would make the kernel miss what is there.
        thread.manager.get_shell_channel_to_subshell_pair(None).to_stream.flush()
        names = [str(task.get_coro()) for task in asyncio.all_tasks()]
    except (AttributeError, RuntimeError):  # another kernel than ipykernel
        return False
    return sum("run_in_context" in name for name in names) > 1


@contextlib.contextmanager
def one_line(message: str) -> Iterator[None]:
    """Make a `CompletionInterrupted` with the message of a bare Ctrl-C."""
    try:
        yield
    except CompletionInterrupted:
        raise
    except KeyboardInterrupt:
        raise CompletionInterrupted(message) from None
