"""What a model, a server or a file says must not act where it is shown."""

from __future__ import annotations

import ast
import dataclasses
import html
import json
import re
import subprocess
import sys
import typing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hostile import WRAPPERS, Reading, payloads
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import panels, session_of
from test_sweep_result import made

import jupyter_complete
from jupyter_complete.catalog import Model
from jupyter_complete.completion import Completion, TokenLogprob
from jupyter_complete.display import (
    NO_MATHEMATICS,
    TokenBars,
    Tokens,
    card,
    card_html,
    difference,
    formatted,
    history_table,
    models_table,
    request_text,
)
from jupyter_complete.display.microscope import Microscope
from jupyter_complete.display.sweeps import view
from jupyter_complete.display.sweeps.live import Tiles
from jupyter_complete.display.wall import holds
from jupyter_complete.distribution import Distribution
from jupyter_complete.endpoint import KEY, Endpoint, HttpRequest
from jupyter_complete.errors import CompleteError, CompletionInterrupted
from jupyter_complete.history import Row
from jupyter_complete.panel import answers, preview
from jupyter_complete.request import CompletionRequest
from jupyter_complete.sweeps.axes import AxisNames, keyword_axes
from jupyter_complete.sweeps.points import Point, points
from jupyter_complete.sweeps.table import SweepRow
from jupyter_complete.sweeps.tasks import Finished, Progress
from jupyter_complete.sweeps.variants import variants_of

HERE = Path(__file__).parent
REL = 'target="_blank" rel="noopener noreferrer nofollow"'
PRE = '<div style="white-space: pre-wrap">'

# The layout


def test_an_answer_is_laid_out_as_its_markdown_says():
    text = "# A\n\n- **b** and `x < y`\n\n```python\nif a < b:\n```\n\n3. *c* ~~d~~"

    assert formatted(text) == (
        "<h1>A</h1><ul><li><strong>b</strong> and <code>x &lt; y</code></li></ul>"
        "<pre><code>if a &lt; b:\n</code></pre>"
        '<ol start="3"><li><em>c</em> <s>d</s></li></ol>'
    )


def test_a_table_has_its_sides():
    found = formatted("|a|b|c|\n|-|:-:|-:|\n|`1`|2|3|")

    assert '<thead><tr><th style="text-align:left">a</th>' in found
    assert '<td style="text-align:left"><code>1</code></td>' in found
    assert '<td style="text-align:center">2</td>' in found
    assert '<td style="text-align:right">3</td>' in found


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 or $6.",
        r"$e^{i\pi}$ and $$a_1 * b_1 * c_1$$",
        r"\(a_1 \\ b_1\) and \[ x*y*z \]",
        "__init__ and __del__.py",
        "5 < 6 & 7 > 3",
    ],
)
def test_dollars_formulas_and_pythons_names_stay_the_characters_they_are(text):
    assert formatted(text) == f"<p>{html.escape(text)}</p>"


def test_a_formula_that_does_not_end_is_words():
    assert formatted(r"\(a *b*") == "<p>(a <em>b</em></p>"


def test_two_words_can_be_bold():
    assert formatted("__two words__") == "<p><strong>two words</strong></p>"


def test_a_link_says_where_it_leads():

    assert formatted('[a](https://b.example/?c&d "e")') == (
        f'<p><a href="https://b.example/?c&amp;d" {REL}>a</a>'
        " (https://b.example/?c&amp;d &quot;e&quot;)</p>"
    )
    assert formatted("<https://b.example> <c@d.example>") == (
        f'<p><a href="https://b.example" {REL}>https://b.example</a> '
        f'<a href="mailto:c@d.example" {REL}>c@d.example</a></p>'
    )


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://b.example",
        "/api/contents",
        "//b.example",
        "#x",
        "https://good.example@b.example",
        "https://good.example%5C@b.example",
        "https:b.example",
        "mailto:",
    ],
)
def test_an_address_that_is_no_plain_web_or_mail_address_is_words(address):
    assert formatted(f"[a]({address})") == f"<p>a ({html.escape(address)})</p>"


def test_a_foreign_letter_in_a_host_is_shown_as_what_it_is():
    markup = formatted("[apple.example](https://\u0430pple.example)")

    assert "(https://xn--pple-43d.example)" in markup


def test_an_image_is_its_words_and_its_address():
    assert formatted('![a *b* ![c](d)](https://e.example/f.png "g")') == (
        "<p>a b c (https://e.example/f.png &quot;g&quot;)</p>"
    )
    assert formatted("[![a](b)](https://c.example)").startswith('<p><a href="https://c')


def test_controls_are_shown_also_where_markdown_would_make_them():
    assert formatted("a\x1b[2J\x00 &#x202e; \ud800") == "<p>a␛[2J␀ � �</p>"


def test_what_only_defines_links_is_not_nothing():
    assert formatted("[a]: https://b.example") == f"{PRE}[a]: https://b.example</div>"


def test_nothing_is_laid_out_as_nothing():
    assert Reading(formatted("")).text == ""


# The CommonMark specification

EXAMPLES = json.loads((HERE / "commonmark.json").read_text("utf-8"))["examples"]
_BREAK = re.compile(r"(?<=>)\n|\n(?=<)")


def as_here(expected):
    """Return the specification's HTML as it is written here: links tell, images say."""
    markup = re.sub(r' class="language-[^"]*"', "", expected)
    markup = re.sub(
        r'<img src="([^"]*)" alt="([^"]*)"(?: title="([^"]*)")? />', _said, markup
    )
    markup = re.sub(
        r'<a href="([^"]*)"(?: title="([^"]*)")?>(.*?)</a>',
        _told,
        markup,
        flags=re.DOTALL,
    )
    return markup.replace(" />", ">")


def _said(match):
    address, words, title = match.groups()
    return f"{words} ({address}{_titled(title)})"


def _told(match):
    address, title, words = match.groups()
    # The specification's addresses are of these kinds alone.
    link = re.match(r"https?://[a-z.]+(?=[:/?#]|$)|mailto:.", address)
    linked = f'<a href="{address}" {REL}>{words}</a>' if link else words
    plain = re.sub("<[^>]*>", "", words)
    same = plain in {address, address.removeprefix("mailto:")}
    return linked if same else f"{linked} ({address}{_titled(title)})"


def _titled(title):
    return f" &quot;{title}&quot;" if title else ""


def simple(markup):
    """Return HTML without what is the same to a reader: line ends between tags."""
    return html.unescape(_BREAK.sub("", markup)).strip()


def test_the_examples_of_the_specification_come_out_as_it_says():
    """All but those with HTML in them, which stays text, and names in bold.

    Example 12 escapes what begins a formula, and 207 would show nothing at all.
    """
    others = []
    for number, (text, expected) in enumerate(EXAMPLES, 1):
        found = formatted(text)
        assert not Reading(found).live, number
        plain = re.sub(' style="[^"]*"', "", found)
        if simple(plain) != simple(as_here(expected)):
            others.append(number)

    bare = [number for number in others if not _SPECIAL.search(EXAMPLES[number - 1][0])]
    assert bare == [12, 207]
    assert len(others) < len(EXAMPLES) / 8


_SPECIAL = re.compile(r"<[a-zA-Z/!?]|__[a-z]+__")


# Attacks


@pytest.mark.parametrize("name", WRAPPERS)
def test_no_known_attack_is_more_than_characters(name):
    """In the paragraphs, lists, code, tables, links that the attack is put in."""
    for payload in payloads():
        text = WRAPPERS[name](payload)

        assert not Reading(formatted(text)).live, text


@pytest.mark.parametrize("form", ["auto", "markdown", "tokens"])
def test_no_known_attack_is_more_than_characters_on_a_card(form):
    request = CompletionRequest(model="m", prompt="p", max_tokens_to_sample=5)
    for payload in payloads():
        completion = Completion(payload, request, model=payload, stop_reason=payload)
        bundle = card(completion, form)

        assert "text/markdown" not in bundle
        found = Reading(bundle["text/html"])
        own = {("class", name) for name in OWN_CLASSES}
        live = [one for one in found.live if one[1:] not in own and one[0] != "small"]
        assert not live, payload


OWN_CLASSES = [
    "jc-text",
    *(f"{name} mathjax_ignore tex2jax_ignore" for name in ("jc-card", "jc-tokens")),
]

PIECES = [
    *"`~<>![]()$&\\\"'*_#|:;-=+./^{} \n\t",
    *(
        "\n\n",
        "    ",
        "```",
        "~~~",
        "<img src=x onerror=y>",
        "<a href=",
        "</p>",
        "<!--",
    ),
    *("javascript:", "https://x.example", "](", "![", "[a]: ", "&lt;", "&#60;", "\x00"),
    *("- ", "1. ", "> ", "|-|-|\n", "$$", "\\(", "\\)", "a", "b1", "\u202e", "\ud800"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
@settings(max_examples=300)
def test_no_random_text_is_more_than_characters(text):
    markup = formatted(text)

    assert not Reading(markup).live


@given(st.text())
@settings(deadline=None)
def test_no_text_at_all_fails(text):
    assert not Reading(formatted(text)).live


# The second wall


@pytest.mark.parametrize(
    "markup",
    [
        "<script>x</script>",
        "<p onclick=x>a</p>",
        '<p class="a">b</p>',
        "<P>a</P>",
        "<p>a",
        "a</p>",
        "<p><em>a</p></em>",
        "<br/>",
        "<!-- a -->",
        "<!doctype html>",
        "<?php ?>",
        "<![CDATA[a]]>",
        "a < b",
        "a > b",
        "<p",
        f'<a href="javascript:x" {REL}>a</a>',
        '<a href="https://a" target="_blank">a</a>',
        f'<a href="https://a" onclick="b" {REL}>a</a>',
        '<ol start="x"></ol>',
        '<td style="text-align:expression(x)"></td>',
        "<img src=x>",
    ],
)
def test_what_formatted_text_cannot_be_is_not_let_through(markup):
    assert not holds(markup)
    assert holds("<p>a &lt; <em>b</em><br></p>")


def test_where_the_wall_does_not_hold_the_characters_are_shown(monkeypatch):
    from jupyter_complete.display import markdown

    monkeypatch.setitem(markdown._TAGS, "em_open", "<em onclick=x>")

    assert formatted("*<b>*") == f"{PRE}*&lt;b&gt;*</div>"


def test_a_token_that_is_not_known_is_its_text(monkeypatch):
    from jupyter_complete.display import markdown

    parser = markdown._parser.__wrapped__()
    parser.options["html"] = True
    monkeypatch.setattr(markdown, "_parser", lambda: parser)

    assert formatted("a <b onclick=x>") == "<p>a &lt;b onclick=x&gt;</p>"
    assert formatted("<div>\na") == "&lt;div&gt;\na"


# Size and time


@pytest.mark.parametrize(
    "text",
    [
        "> " * 10_000 + "a",
        ">" * 10_000 + "a",
        "- " * 10_000 + "a",
        "\n".join("  " * depth + "- a" for depth in range(100)),
        "[a](" * 40_000,
        "|" * 200 + "\n" + "|-" * 199 + "|\n" + "a\n" * 1000,
        "- a\n" * 20_000,
        "a" * 500_000,
    ],
    ids=range(8),
)
def test_what_is_too_deep_or_too_large_is_shown_as_it_is(text):
    markup = formatted(text)

    assert markup.startswith(PRE)
    assert Reading(markup).text == text.rstrip("\n") or Reading(markup).text == text


LONG = [
    *("[", "![", "[]", "*a ", "*a **b ", "**", "`", "`a``", "<", "<a:", "&", "\\"),
    *("_a __b ", "~~a ", "[a]:\n", "[a](<b ", '[a](b "', "\\(", "$$ ", "<!--", "a\n"),
    *(
        "|\n",
        "> \n",
        "1.\n",
        "# ",
        "```\n",
        "[^",
        "][",
        "\t",
        "&#1;",
        "http://",
        "a@b ",
    ),
    "\n===\n",
]


@pytest.mark.parametrize("piece", LONG)
def test_a_long_text_of_one_piece_ends(piece):
    """Within a moment: each was tried at this and other lengths."""
    assert not Reading(formatted(piece * (25_000 // len(piece)))).live


def test_a_long_answer_is_laid_out():
    text = "Some **words** of an answer.\n\n- with `code`\n- and more\n\n" * 2000

    assert formatted(text).count("<strong>") == 2000


def test_nothing_is_parsed_before_there_is_a_card():
    script = "import sys, jupyter_complete.display; print('markdown_it' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert found.stdout == "False\n"


# One door for all that comes from outside

MARK = "hostile"
EVIL = (
    f"<img src=x onerror={MARK}()>\"'--></td></div></style><script>{MARK}()</script>"
    f"![{MARK}](http://{MARK}.example/p.png)[x](javascript:{MARK}()) `<b>`\n"
    f"\x1b]0;{MARK}\x07\x9b31m\u202e\x00\r&lt;i&gt;$\\href{{javascript:{MARK}()}}{{x}}$"
)
HALF = EVIL + "\ud800"
HEADER = f"<img/src=x/onerror={MARK}()>"
"""What an HTTP header can carry, and so a beta."""


def filled(kind, text, **known):
    """Return one with this text in every field that takes a text."""
    hints = typing.get_type_hints(kind)
    names = [one.name for one in dataclasses.fields(kind) if one.init]
    values = {name: text for name in names if _takes(str, hints[name])}
    several = {name: (text,) for name in names if hints[name] == tuple[str, ...]}
    return kind(**{**values, **several, **known})


def _takes(kind, hint):
    return hint is kind or kind in typing.get_args(hint)


def completion_of(text, half, header, **known):
    request = filled(CompletionRequest, text, max_tokens_to_sample=5, betas=(header,))
    tokens = [TokenLogprob(half, -0.1, ((half, -0.1), (half + "b", -0.2)))]
    answer = {"request": request, "status": "broken", "logprobs": (*tokens, *tokens)}
    return filled(Completion, half, **{**answer, "raw": {half: half}, **known})


def views(text, half, header):
    """Yield everything that is shown of texts from outside: its name, HTML and text."""
    one = completion_of(text, half, header)
    for form in ("auto", "markdown", "tokens"):
        bundle = card(one, form)
        yield f"card {form}", bundle["text/html"], bundle["text/plain"]
        yield f"panel {form}", card_html(one, form), ""
    yield "card text", "", card(one, "text")["text/plain"]
    untold = dataclasses.replace(one, logprobs=())
    for told, tokens in (("told", Tokens(one)), ("untold", Tokens(untold))):
        yield f"tokens {told}", tokens._repr_html_(), repr(tokens)

    other = dataclasses.replace(one, text=f"other words {half}")
    for newest in (None, one):
        found = answers.earlier_html(other, text, newest=newest, opened=True)
        yield "strip", found, ""
    yield "names", preview.names_html("{{a}} {{b}}", {"a": half}), ""
    yield "failed", answers.failed_html(half), ""
    yield "difference", difference(other.text, one.text), ""

    distribution = Distribution(half, half, (half, half + "b", ""), (0.5, 0.3, 0.1))
    bars = TokenBars(distribution.reshaped(temperature=0.5, top_k=1), 1)
    yield "bars", bars._repr_html_(), repr(bars)
    saved = [
        answers.saved_html([one, other], bars, "own", form) for form in ("auto", "text")
    ]
    yield "saved panel", "".join(saved), answers.saved_text([one], bars)

    row = filled(
        Row, half, id=1, created=datetime.now(UTC), status="broken", completion=one
    )
    table = history_table([row])
    yield "history", table._repr_html_(), repr(table)
    model = filled(Model, half, sampling="both", thinking="none")
    table = models_table([model], half)
    yield "models", table._repr_html_(), repr(table)

    endpoint = filled(Endpoint, half)
    sent = HttpRequest("POST", half, half, {"a": half}, text.encode(), {half: KEY})
    yield "request", "", request_text(sent, endpoint, (half,))
    yield "preview", previewed(half), ""
    error = CompleteError(half)
    yield "error", "", "".join(error._render_traceback_())
    stopped = CompletionInterrupted(half)
    yield "stopped", "", "".join(stopped._render_traceback_())
    yield from sweep_views(text, half, one)


class Unprintable:
    """A value of the user's that fails, with words from elsewhere."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        raise ValueError(self.text)


def previewed(half):
    with session_of() as session:
        shown = preview.Preview(session)
        shown.show("{{a}}", {"a": Unprintable(half)}, request=True)
        failed = shown.note.value
        shown.show("{{a}}", {"a": "b"}, request=True)
    return failed + shown.request.value + preview._piece(("Request", half))


def sweep_views(text, half, one):
    """Yield the table, the answers word by word, the facets and the live grid."""
    kinds = [one.text, f"the same words as before {half}", f"other words {half}"]

    def told(point, sample):
        return kinds[(sample + len(str(point.values["b"]))) % 3]

    done = made(a=[text, "x"], b=[text, "c"], text=told, samples=2)
    ends = ("complete", "complete", "broken", "complete", "error", "complete")
    rows = [
        row._replace(
            completion=dataclasses.replace(one, text=told(*row[:2]), status=end)
        )
        for row, end in zip(done.rows, ends, strict=False)
    ] + [*done.rows[len(ends) :]]
    done = dataclasses.replace(
        done, rows=tuple(rows), notices=(half,), stopped=half, interrupted=True
    )
    for options in ({}, {"rows": "a", "columns": "b"}, {"full": True}, {"against": 0}):
        shown = view(done, name="_sweep", **options)
        yield f"sweep {options}", shown._repr_html_(), repr(shown)

    rows = [{"b": text, half: "x"}, {"b": "c", half: "y"}]
    rows += [{"b": f"{text} {n}", half: "xy"[n % 2]} for n in range(2)]

    def answer(text, sample):
        return dataclasses.replace(one, text=text, sample=sample, status="complete")

    _, axes = keyword_axes({"rows": rows, "a": [text, "x"]}, AxisNames({}, ["a", "b"]))
    scored = dataclasses.replace(
        done,
        rows=tuple(
            SweepRow(point, n, answer(f"{half} {n}", n))
            for point in points(axes)
            for n in range(2)
        ),
        axes=axes,
    ).scored([f"contains:{half}!", "exact", "contains"], expect=half, extract="(.*) 1")
    variants = variants_of({text: half, "x": f"{half} and", f"{text} 1": text})
    scored = dataclasses.replace(scored, axes=(*axes, variants))
    prompts = [
        row._replace(point=Point({**row.point.values, "prompt": name}))
        for row in scored.rows
        for (name,) in variants.rows
    ]
    scored = dataclasses.replace(scored, rows=tuple(prompts))
    for options in ({}, {"wrong": True}, {"answers": True}):
        shown = view(scored, name="_sweep", **options)
        yield f"scored {options}", shown._repr_html_(), repr(shown)
    tables = scored.metrics(by=["a"]), scored.compare("a", "exact")
    yield "votes", "", f"{scored.counts()}{scored.vote()}{tables}"

    tiles = Tiles([(row.point, row.sample) for row in done.rows])
    for place, completion in enumerate(done):
        tiles.end(Finished(place, completion))
    progress = Progress(8, 1, 1, 1, 1, 1, 0.5, 9.0)
    yield "tiles", tiles.html() + tiles.status(progress, half, half), ""


def shape(markup):
    """Return the tags of HTML, each with the names of its attributes."""
    found = Reading(markup)
    return {(tag, *sorted(attributes)) for tag, attributes in found.tags}


UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def test_no_text_from_outside_changes_what_any_view_is_made_of():
    """In every field that takes a text: none becomes a tag, an attribute, a control."""
    plain = "a few words"
    harmless = {name: shape(html) for name, html, _ in views(plain, plain, "beta")}
    for name, markup, text in views(EVIL, HALF, HEADER):
        reading = Reading(markup)

        assert MARK in reading.text or MARK in text, name
        assert shape(markup) <= harmless[name] | LAID_OUT, name
        assert not reading.others, name
        for tag, attributes in reading.tags:
            told = {k: v for k, v in attributes.items() if MARK in (v or "")}
            assert told.keys() <= {"title"}, (name, tag)
        styles = re.findall("<style>(.*?)</style>", markup, re.DOTALL)
        assert MARK not in "".join(styles), name
        assert not UNSEEN.search(markup), name
        assert not UNSEEN.search(text), name
        assert not markup or "mathjax_ignore" in markup or name in IN_THE_PANEL, name


LAID_OUT = {("p",), ("br",), ("em",), ("code",), ("span", "class"), ("ins",), ("del",)}
"""What an answer's own Markdown, and its words beside another's, may become."""
IN_THE_PANEL = {"strip", "names", "failed", "preview", "difference"}
"""What stands in widgets alone, which are boxed as a whole."""


def test_no_page_looks_through_the_widgets_for_mathematics():
    with session_of() as session, panels(session) as panel:
        assert {*NO_MATHEMATICS} <= {*panel()._dom_classes}
    distribution = Distribution("a", "m", ("b",), (1.0,))
    microscope = Microscope(lambda *_: distribution, distribution)
    assert {*NO_MATHEMATICS} <= {*microscope._dom_classes}
    microscope.close()


def test_every_function_that_writes_html_is_among_the_views():
    """What is not has to be added there: it could let a text from outside through."""
    called = set()

    def note(frame, event, _):
        if event == "call":
            called.add((Path(frame.f_code.co_filename), frame.f_code.co_name))

    sys.setprofile(note)
    try:
        assert [*views(EVIL, HALF, HEADER)]
    finally:
        sys.setprofile(None)
    assert len({*writers()}) > 20
    assert {*writers()} - called == set()


def writers():
    """Yield the file and the name of each function that has an f-string with HTML."""
    for file in Path(jupyter_complete.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if function and any(map(_is_html, ast.walk(node))):
                yield file, node.name


def _is_html(node):
    if not isinstance(node, ast.JoinedStr):
        return False
    words = [part.value for part in node.values if isinstance(part, ast.Constant)]
    return bool(re.search(r"</?[a-z]+[^a-z]", "\0".join(words) + "\0"))
