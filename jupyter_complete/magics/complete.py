"""The magics: parse the line, call the session, show what came."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.paths import get_ipython_dir

from ..cancel import shielded
from ..cell import written
from ..errors import (
    CompleteError,
    CompletionInterrupted,
    InputError,
    printable,
    printable_lines,
)
from ..prices import dollars
from ..scores import told
from ..settings import CompletionSettings, flags
from ..settings.options import CompleteOptions, ModelOptions
from .keyboard import asking, one_line
from .typed import prompt_text, refuse_words, variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..catalog import Catalog
    from ..completion import Completion
    from ..display import Table
    from ..results import Sweep
    from ..session import Call, Origin, Session
    from ..sweeps.checks import Checks

LAST = "_completion"
LAST_SWEEP = "_sweep"


@magics_class
class CompletionMagics(Magics):
    """``%%complete`` and its sisters, on one `CompletionSettings`."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, settings: CompletionSettings) -> None:
        super().__init__(shell)
        self.settings = settings

    @cached_property
    def session(self) -> Session:
        """What completes: made at the first use, so that loading costs nothing."""
        from ..session import Session  # noqa: PLC0415 - loading must stay cheap

        session = Session.opened(self.settings, self._profile(), asking(self.shell))
        session.tell = lambda line: print(printable(line), flush=True)
        return session

    def _profile(self) -> pathlib.Path:
        profile = self.shell.profile_dir
        return pathlib.Path(profile.location if profile else get_ipython_dir())

    def catalog(self) -> Catalog:
        """Return what is known of models, what endpoints told included."""
        if "session" in vars(self):
            return self.session.routes.catalog(self.settings)
        from ..catalog import CATALOG, Catalog  # noqa: PLC0415 - see `session`

        path = self.settings.catalog
        return Catalog.from_file(path, CATALOG) if path else CATALOG

    def close(self) -> None:
        """Close the session, if there was one."""
        if "session" in vars(self):
            self.session.close()

    @no_var_expand
    @line_cell_magic
    @one_line("Stopped before the prompt was sent.")
    def complete(self, line: str, cell: str | None = None) -> Completion | Sweep | None:
        """Complete the cell, or the rest of the line."""
        from . import checks, sweep  # noqa: PLC0415 - loading must stay cheap

        read = flags.parse(line, CompleteOptions)
        text = prompt_text(read.rest, cell, optional=sweep.has_variants(read))
        values = variables(self.shell)
        if sweep.is_sweep(read, self.settings.samples):
            return self._sweep(text, values, read, self._origin(line, cell))
        wanted = checks.of_line(read.options, values)
        if read.options.dry_run or read.options.as_:
            self._show_request(text, values, read)
            return None
        call = self.session.prepare(
            text, values, origin=self._origin(line, cell), **read.overrides
        )
        if read.options.count:
            print(f"The prompt has {self.session.count(call)} tokens.")
            return None
        return self._complete(call, read, wanted)

    def _sweep(
        self,
        text: str,
        values: Mapping[str, object],
        line: flags.MagicLine[CompleteOptions],
        origin: Origin,
    ) -> Sweep | None:
        from . import checks, sweep  # noqa: PLC0415 - loading must stay cheap

        options = line.options
        plan = sweep.plan_of(self.session, values, text, line, origin)
        sweep.check_export(options)
        judge = sweep.judge_of_line(self.session, line)
        score = sweep.scoring(plan, options, values, judge)
        sweep.check_plot(plan, options, score)
        if options.dry_run:
            grid = sweep.grid_text(plan, self.session.to_send(plan))
            print(grid + checks.told(options))
            return None
        name = options.out or LAST_SWEEP
        done = sweep.run_sweep(
            self.session,
            self.shell,
            plan,
            name=name,
            options=options,
            score=score,
            judge=judge,
        )
        self.keep_sweep(done, options.out)
        self.warn()
        sweep.finish(done, options)
        checks.finish_sweep(done, options)
        return done

    def keep_sweep(self, sweep: Sweep, out: str | None) -> None:
        """Make it the last sweep, and ``out`` if there is such a name."""
        self.shell.user_ns[LAST_SWEEP] = sweep
        if out:
            self.shell.user_ns[out] = sweep

    def _complete(
        self, call: Call, line: flags.MagicLine[CompleteOptions], wanted: Checks
    ) -> Completion:
        from ..display import completion_screen  # noqa: PLC0415 - see `session`
        from . import checks  # noqa: PLC0415 - see `session`

        out = line.options.out
        screen = completion_screen(
            self.shell, line.overrides.get("format", self.settings.format)
        )
        on_text = screen.write if call.stream else None
        reads = self.session.templated(call) if line.options.show_prompt else None
        # A key that is missing is asked for here, where Ctrl-C still means no.
        running = self.session.start(call)
        with shielded():
            try:
                completion = self.session.follow(running, on_text=on_text)
            except (CompleteError, CompletionInterrupted) as error:
                if error.completion:  # pragma: no branch - else it did not stop
                    self.keep(error.completion, out)
                    if error.completion.text:
                        screen.finish(error.completion)
                self.warn()
                raise
            self.keep(completion, out)
            completion, stopped = checks.checked(wanted, completion)
            self.keep(completion, out)
            screen.finish(completion)
            if reads is not None:
                print(f"The model read:\n{printable_lines(reads)}")
            self.warn()
        checks.finish(completion, line.options, stopped=stopped)
        return completion

    def keep(self, result: object, out: str | None) -> None:
        """Make it the last completion, and ``out`` if there is such a name."""
        self.shell.user_ns[LAST] = result
        if out:
            self.shell.user_ns[out] = result

    def warn(self) -> None:
        """Print the lines that the session has for the user."""
        for line in self.session.warnings():
            print(f"Warning: {printable(line)}", file=sys.stderr)

    def _origin(self, line: str, cell: str | None) -> Origin:
        from ..session import Origin  # noqa: PLC0415 - see `session`

        if cell is None:
            source = f"%complete {line}"
        else:
            source = written("complete", line, cell.removesuffix("\n"))
        kernel = getattr(self.shell, "kernel", None)
        parent = kernel.get_parent() if kernel else {}
        notebook = self.shell.user_ns.get("__session__")
        return Origin(
            source,
            str(notebook) if notebook else None,
            parent.get("metadata", {}).get("cellId"),
        )

    def _show_request(
        self,
        text: str,
        values: Mapping[str, object],
        line: flags.MagicLine[CompleteOptions],
    ) -> None:
        from ..catalog.endpoints import NAMES  # noqa: PLC0415 - see `session`
        from ..display import request_text  # noqa: PLC0415 - see `session`
        from . import checks  # noqa: PLC0415 - see `session`

        call = self.session.preview(text, values, **line.overrides)
        if call is None:
            raise InputError(
                "The endpoint would have to be asked first what it speaks; "
                f"name it with --dialect {NAMES}."
            )
        if line.options.as_:
            more = checks.in_code(line.options)
            print(self.session.code(call, line.options.as_, **more))
        else:
            shown = request_text(call.http(), call.endpoint, call.notices)
            most = dollars(call.most, up=True) if call.most else ""
            cost = f"\nIt costs at most {most}." if most else ""
            print(shown + cost + checks.told(line.options))

    @no_var_expand
    @line_magic
    @one_line("Stopped; what was known stays.")
    def complete_models(self, line: str) -> Table | None:
        """Show what is known of the models and betas of the endpoint in use."""
        from ..display import models_table  # noqa: PLC0415 - see `session`
        from ..local.children import CHILDREN  # noqa: PLC0415 - see `session`

        read = flags.parse(line, ModelOptions)
        remedy = "name an endpoint with --endpoint."
        refuse_words(read.rest, "%complete_models", remedy)
        if read.options.unload:
            names = ", ".join(CHILDREN.unload())
            print(f"Unloaded {names}." if names else "No local model is loaded.")
            return None
        settings = self.settings.changed(read.overrides)
        if read.options.refresh:
            for change in self.session.routes.refresh(settings):
                print(printable(change))
        routes = self.session.routes
        return models_table(routes.models(settings), routes.note(settings))


_COMPLETE_HELP = """\
A flag left out sends nothing; --no-... and -t none unset a setting.

{{name}} in the prompt is replaced by the variable of that name, in a function by its
own: a text as it is, a number as Python writes it, a date as ISO 8601, a list or dict
as JSON. A table or array is put into a text first, as in rows = df.to_csv(); a gap
(None, NaN) is refused.

The result is in _completion, in NAME with -o NAME, and in answer after
answer = %complete ... -o NAME is a variable of the notebook, in a function, too. It
cannot be a name that the notebook or Python itself uses, such as In or list.

The scores of a sweep's answers, with what each forgives:

{scores}

Comments and blank lines may stand above %%complete; below it all is sent to the byte.
Settings: %config CompletionSettings.
"""

CompletionMagics.complete.__doc__ = flags.describe(
    "Complete the cell below %%complete, or the text after %complete.",
    CompleteOptions,
    _COMPLETE_HELP.replace("{scores}", told()),
)
CompletionMagics.complete_models.__doc__ = flags.describe(
    "Show what is known of the models and betas of the endpoint in use.", ModelOptions
)
