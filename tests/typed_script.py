"""A user's script with every public name of the package, for a type checker.

``mypy --strict`` refuses an ``assert_type`` whose value has become Any, so it sees what
the installed package tells of its types; a run sees that the names do what they say.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, assert_type

from IPython.core.interactiveshell import InteractiveShell

from jupyter_complete import (
    CompleteError,
    Completion,
    CompletionInterrupted,
    CompletionPanel,
    Sweep,
    __version__,
    as_code,
    complete,
    load,
    load_ipython_extension,
    sweep,
    unload_ipython_extension,
)


def one_answer() -> Completion:
    """Return a completion, after a look at each of its attributes."""
    answer = complete("What does {{word}} do?", values={"word": "break"}, max_tokens=8)
    assert_type(answer, Completion)
    assert_type(answer.text, str)
    assert_type(answer.prompt, str)
    assert_type(answer.model, str)
    assert_type(answer.status, Literal["complete", "interrupted", "broken", "error"])
    assert_type(answer.stop_reason, str | None)
    assert_type(answer.stop, str | None)
    assert_type(answer.id, str | None)
    assert_type(answer.request_id, str | None)
    assert_type(answer.seconds, float)
    assert_type(answer.first_token_seconds, float | None)
    assert_type(answer.request.temperature, float | None)
    assert_type(answer.request.stop_sequences, tuple[str, ...])
    assert_type(answer.notices, tuple[str, ...])
    assert_type([token.token for token in answer.logprobs], list[str])
    assert_type(answer.usage and answer.usage.output_tokens, int | None)
    assert_type(as_code(answer, "curl"), str)
    assert_type(Completion.from_record(answer.to_record()), Completion)
    return answer


def many_answers(folder: Path) -> Sweep:
    """Return a sweep, after a look at what it offers."""

    def words(one: Completion) -> float:
        return len(one.text.split())

    runs = sweep("What is del?", temperature=[0, 1], samples=2, max_tokens=4)
    assert_type(runs, Sweep)
    assert_type(runs[0], Completion)
    assert_type(runs[:2], Sweep)
    assert_type([answer.text for answer in runs], list[str])
    assert_type(len(runs), int)
    assert_type(runs.failed, Sweep)
    assert_type(runs.at(temperature=0), Sweep)
    assert_type(runs.resume(), Sweep)
    assert_type(runs.varying, tuple[str, ...])
    assert_type(runs.stopped, str | None)
    assert_type(runs.to_records(), list[dict[str, Any]])
    assert_type(runs.to_jsonl(folder / "answers.jsonl"), Path)
    measured = runs.metrics("words", words)[0]
    assert_type(measured.metric.title, str)
    assert_type(measured.estimate and measured.estimate.low, float | None)
    return runs


def what_went_wrong() -> CompleteError:
    """Return the error of a call that is refused."""
    try:
        complete("What is del?", temperature=7)
    except CompletionInterrupted as stopped:
        assert_type(stopped.completion, Completion | None)
        assert_type(stopped.sweep, Sweep | None)
        raise
    except CompleteError as error:
        assert_type(error.status, int | None)
        assert_type(error.completion, Completion | None)
        return error
    raise AssertionError("a temperature of 7 was not refused")


def panel_of_an_answer(shell: InteractiveShell) -> list[Completion]:
    """Return what the panel was answered, in a shell with the extension."""
    load_ipython_extension(shell)
    panel = CompletionPanel(prompt="What is with?", out="answer")
    assert_type(panel.prompt, str)
    assert_type(panel.cell(), str)
    panel.settings.max_tokens = 4
    panel.run()
    panel.wait()
    assert_type(panel.completions, list[Completion])
    panel.close()
    unload_ipython_extension(shell)
    return panel.completions


def main(notebook: str) -> None:
    """Use it all in this directory; ``notebook`` is saved and has one completion."""
    read: Callable[[str | Path], list[Completion]] = load
    assert_type(load(notebook), list[Completion])
    assert_type(__version__, str)

    assert len(read(Path(notebook))) == 1
    assert one_answer().prompt.endswith("What does break do?\n\nAssistant:")
    assert len(many_answers(Path.cwd())) == 4
    assert "temperature is 7" in str(what_went_wrong())
    assert len(panel_of_an_answer(InteractiveShell.instance())) == 1


if __name__ == "__main__":
    main(*sys.argv[1:])
