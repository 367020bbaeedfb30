"""What a model, a server or a file says must not act where it is shown."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import WRAPPERS, Reading, payloads
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_complete.completion import Completion, CompletionRequest
from jupyter_complete.display import card, formatted
from jupyter_complete.display.wall import holds

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
    f"{name} mathjax_ignore tex2jax_ignore" for name in ("jc-card", "jc-tokens")
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
@settings(max_examples=1000, deadline=None)
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
    """Within a second or two: each was tried at this and other lengths."""
    assert not Reading(formatted(piece * (100_000 // len(piece)))).live


def test_a_long_answer_is_laid_out():
    text = "Some **words** of an answer.\n\n- with `code`\n- and more\n\n" * 2000

    assert formatted(text).count("<strong>") == 2000


def test_nothing_is_parsed_before_there_is_a_card():
    script = "import sys, jupyter_complete.display; print('markdown_it' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert found.stdout == "False\n"
