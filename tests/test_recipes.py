"""CONTRIBUTING's recipes, followed in a copy of the package."""

import copied

MADE_UP = """
import json
from dataclasses import dataclass
from typing import ClassVar

from ..endpoint import DIALECTS, HttpCall, InCode
from ..completion import Chunk
from . import Dialect
from .faults import endpoint_error


@dataclass(frozen=True, slots=True)
class MadeUpDialect(Dialect):
    name: ClassVar[str] = "made_up"
    wants_turns: ClassVar[bool] = False
    in_code: ClassVar[InCode] = InCode(
        '["said"]', "", "", "", "", "", "", "", frozenset()
    )

    def headers(self, key):
        return {} if key is None else {"x-made-up": key}

    def encode(self, request, *, stream):
        body = json.dumps({"say": request.prompt, "with": request.model}).encode()
        headers = {"Content-Type": "application/json"}
        return HttpCall("POST", DIALECTS[self.name], headers, body)

    def decode(self, body):
        return (Chunk(json.loads(body)["said"], "stop_sequence"),)

    def decode_stream(self, events):
        raise AssertionError

    def decode_error(self, status, headers, body):
        return endpoint_error(status, headers, body)


DIALECT = MadeUpDialect
"""
TRY = """
import sys
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from jupyter_complete import complete

url = sys.argv[1]
place = {"model": "m", "endpoint": url, "dialect": "made_up", "stream": False}
print(complete("Hello", **place, history=False).text)
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "jupyter_complete")
line = f"--endpoint {url} -m m --dialect made_up --no-stream "
shell.run_line_magic("complete", line + "--dry-run Hello")
shell.run_line_magic("complete", line + "--as curl Hello")
from jupyter_complete.settings import CompletionSettings
print(CompletionSettings.class_traits()["dialect"].values)
shell.Completer.use_jedi = False
text = "%complete --dialect m"
with provisionalcompleter():
    print([c.text for c in shell.Completer.completions(text, len(text))])
"""


def test_a_dialect_is_one_file_and_one_line_of_a_table(loopback, tmp_path):
    copy = copied.copy_to(tmp_path)
    (copy / "dialects" / "made_up.py").write_text(MADE_UP)
    table = copy / "endpoint.py"
    line = '    "text": "/v1/complete",\n'
    text = table.read_text()
    assert line in text
    table.write_text(text.replace(line, f'{line}    "made_up": "/v9/say",\n'))
    loopback.reply({"said": "Good day"})
    done = copied.run(tmp_path, TRY, loopback.url)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    (sent,) = loopback.requests
    assert (sent.method, sent.path) == ("POST", "/v9/say")
    assert sent.json == {"say": "Hello", "with": "m"}
    assert said.startswith("Good day\n")
    assert f"POST {loopback.url}/v9/say" in said
    assert f"curl -sS {loopback.url}/v9/say" in said
    assert said.count(sent.body.decode()) == 2
    assert "['auto', 'text', 'made_up', 'messages', 'chat', 'openai']" in said
    assert "made_up" in said.splitlines()[-1]
