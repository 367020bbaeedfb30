"""CONTRIBUTING's recipe "Add a parameter", followed on a copy of the package."""

import copied

# File, the text before which something is inserted, what is inserted.
RECIPE = (
    (
        "settings/parameters.py",
        "    max_tokens = parameter(",
        """\
    min_p = parameter(
        _number("min_p", about="The least probability of a token."),
        "--min-p",
        request="min_p",
    )
""",
    ),
    (
        "request.py",
        "    logprobs: int | None = _number(",
        "    min_p: float | None = _number(0, 1)\n",
    ),
    ("dialects/text.py", '"seed", "logprobs")', '"min_p", '),
    (
        "dialects/openai.py",
        '    "seed": ALL',
        '    "min_p": frozenset({"vllm"}),\n',
    ),
    ("server/validation.py", '    "logprobs": Bound(', '    "min_p": Bound(0, 1),\n'),
    (
        "ngram/passage.py",
        "        logprobs: int | None = None,",
        "        min_p: float = 0.0,\n",
    ),
    (
        "ngram/passage.py",
        "            text = passage.text_of(chosen)\n",
        '            assert min_p in (0, 0.05), "it arrives as it was set"\n',
    ),
)

USE = r"""
import json
from IPython.testing.globalipapp import start_ipython
from IPython.utils.io import capture_output
import jupyter_complete
from jupyter_complete.errors import InputError
from jupyter_complete.session import UNSHAPED, Session
from jupyter_complete.settings import CompletionSettings, flags

shell = start_ipython()
shell.run_line_magic("load_ext", "jupyter_complete")

def shown(magic, line, cell=None):
    with capture_output() as out:
        if cell is None:
            shell.run_line_magic(magic, line)
        else:
            shell.run_cell_magic(magic, line, cell)
    return out.stdout + out.stderr

assert "--min-p NUMBER" in shell.magics_manager.magics["cell"]["complete"].__doc__
assert "CompletionSettings.min_p=<Number>" in shown("config", "CompletionSettings")
dry = shown("complete", "--min-p 0.05 --dry-run", "Hi")
assert "jupyter-complete-min-p: 0.05" in dry, dry
assert "min_p" in UNSHAPED

session = Session(CompletionSettings(endpoints={
    "v": {"url": "http://127.0.0.1:1", "dialect": "openai", "flavour": "vllm"},
    "other": {"url": "http://127.0.0.1:1", "dialect": "openai"},
    "messages": {"url": "http://127.0.0.1:1", "dialect": "messages"},
    "text": {"url": "http://127.0.0.1:1", "dialect": "text"},
}))
body = session.prepare("Hi", model="m", endpoint="v", min_p=0.05).http().body
assert json.loads(body)["min_p"] == 0.05
for name in ("other", "messages", "text"):
    try:
        session.prepare("Hi", model="m", endpoint=name, min_p=0.05)
    except InputError as error:
        assert "min_p is 0.05" in str(error) and "none; " in str(error), error
    else:
        raise AssertionError(name)
try:
    session.prepare("Hi", min_p=1.5)
except InputError as error:
    assert str(error) == "min_p is 1.5; give a number from 0 to 1."

call = session.prepare("Hi", min_p=0.05, max_tokens=2)
done = session.complete(call)
assert done.status == "complete", done.error
assert type(done).from_record(done.to_record()) == done
lines = session.code(call, "magic").splitlines()
read = flags.parse(lines[0].removeprefix("%%complete "), flags.CompleteOptions)
assert read.overrides["min_p"] == 0.05

swept = jupyter_complete.sweep("Hi", min_p=[0.0, 0.05], max_tokens=2)
assert [one.request.min_p for one in swept] == [0.0, 0.05]
assert {one.status for one in swept} == {"complete"}, [one.error for one in swept]
print("all of it")
"""


def test_a_made_up_parameter_works_everywhere_after_the_recipe(tmp_path):
    package = copied.copy_to(tmp_path)
    for file, before, inserted in RECIPE:
        text = (package / file).read_text()
        assert text.count(before) == 1, (file, before)
        (package / file).write_text(text.replace(before, inserted + before))

    used = copied.run(tmp_path, USE)

    assert used.stdout.endswith("all of it\n"), used.stderr
