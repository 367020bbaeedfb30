"""What a person sees of a sweep: live, as text, and as HTML that needs no script."""

import html
import io
import re
import time
import types
from dataclasses import replace
from html.parser import HTMLParser

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.displaypub import DisplayPublisher
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_sweep_result import made, with_status

from jupyter_complete.display.sweeps import sweep_screen, table, view
from jupyter_complete.display.sweeps.differences import difference, segments
from jupyter_complete.display.sweeps.summary import state
from jupyter_complete.errors import InputError, printable
from jupyter_complete.sweeps.points import Axis
from jupyter_complete.sweeps.tasks import Finished, Progress


def told(point, sample):
    """Return an answer that depends on its place."""
    return f"It is {point.values.get('tone')} at {point.values.get('temperature')}."


@pytest.fixture
def runs_of_six():
    return made(temperature=[0, 0.5, 1], tone=["dry", "warm"], text=told)


def big(count, text):
    return made(n=[*range(count)], text=text)


class Reader(HTMLParser):
    """What a page has: its tags, their attributes, and the text of each cell."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.attributes, self.lines = set(), set(), []
        self._in_style = False
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)
        self._in_style = tag == "style"
        if tag == "tr":
            self.lines.append([])
        elif tag in {"td", "th"} and self.lines:
            self.lines[-1].append("")
        elif tag == "br":
            self.handle_data("\n")

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if self._in_style:
            return
        self.text += data
        if self.lines and self.lines[-1]:
            self.lines[-1][-1] += data


def lines(text):
    """Return a text with one kind of line end."""
    return re.sub("<br>|[\u2028\u2029]", "\n", text)


# ---- text


def test_the_text_has_the_varying_columns_first(runs_of_six):
    lines = repr(view(runs_of_six)).splitlines()

    assert lines[0].split() == [
        *("temperature", "tone", "text", "status", "tokens", "seconds", "#")
    ]
    assert lines[2].split("  ")[0] == "0.0"
    assert "It is warm at 0.0." in lines[2]
    assert lines[-1] == "6 calls over temperature (3) × tone (2): 6 complete"  # noqa: RUF001


def test_the_text_has_fifty_calls_and_says_where_the_rest_is():
    found = repr(view(big(120, told), name="mine")).splitlines()

    assert len(found) == 1 + 50 + 1 + 2
    assert found[-1].startswith("… 70 more: mine.view(page=1) shows the next 50")
    assert repr(view(big(120, told), page=2)).splitlines()[1].split()[0] == "100"


def test_failed_and_pending_calls_say_so(runs_of_six):
    part = with_status(runs_of_six, None, "error", "broken")
    rows = list(part.rows)
    error = "RateLimitError: Wait 20 s."
    failed = replace(rows[1].completion, text="", error=error)
    rows[1] = rows[1]._replace(completion=failed)
    part = replace(part, rows=tuple(rows))

    lines = repr(view(part)).splitlines()
    assert "pending" in lines[1]
    assert error in lines[2]
    assert f"1 × {error}" in lines  # noqa: RUF001
    assert repr(view(part, full=True)).split("\n\n")[1].endswith(f"\n{error}")
    page = Reader(view(part)._repr_html_())
    assert any(error in cell for line in page.lines for cell in line)
    assert "Only failed" in page.text


def test_more_than_five_kinds_of_errors_are_counted_together():
    runs = made(n=[*range(8)])
    rows = [
        row._replace(completion=replace(row.completion, status="error", error=f"E{n}."))
        for n, row in enumerate(runs.rows)
    ]

    lines = repr(view(replace(runs, rows=tuple(rows)))).splitlines()
    assert sum(line.startswith("1 × E") for line in lines) == 5  # noqa: RUF001
    assert "and 3 other errors" in lines


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (59, "59 s"), (90, "1 min 30 s"), (7300, "2 h 1 min")],
)
def test_a_pause_and_the_time_left_are_told_in_the_units_of_people(seconds, said):
    line = state(Progress(6, 1, 0, 0, 0, 8, 0.0, seconds, pause=seconds))

    assert f"the endpoint asked to wait {said}" in line
    assert line.endswith(f"about {said} left")


def test_full_text_and_differences_are_there_as_text(runs_of_six):
    long = made(temperature=[0, 1], text=lambda point, sample: "word " * 100)

    assert repr(view(long, full=True)).count("word") == 200
    assert "[-0.0.-] {+0.5.+}" in repr(view(runs_of_six, against={"temperature": 0}))


def test_one_line_of_an_answer_is_one_line_of_the_table():
    runs = made(temperature=[0, 1], text=lambda point, sample: "a\nb\x1b[2Jc")

    assert "a b␛[2Jc" in repr(view(runs)).splitlines()[1]


# ---- HTML


def test_the_table_has_the_varying_columns_first(runs_of_six):
    page = Reader(view(runs_of_six)._repr_html_())
    cells = [line for line in page.lines if len(line) == 7]

    assert cells[0] == [
        *("temperature", "tone", "text", "status", "tokens", "seconds", "#")
    ]
    assert cells[2] == [
        "0.0",
        "warm",
        "It is warm at 0.0.",
        "complete",
        "4",
        "0.50",
        "1",
    ]
    assert len(cells) == 7


def test_all_that_varies_can_make_rows_and_columns(runs_of_six):
    markup = view(runs_of_six, rows="tone", columns="temperature")._repr_html_()

    assert re.search(r"class=jc-v1 checked", markup)
    assert re.search(r"class=jc-r1 checked>tone", markup)
    assert re.search(r"class=jc-c0 checked>temperature", markup)
    for head in ("temperature = 0.5", "tone = warm"):
        assert f"<th>{head}</th>" in markup


def test_samples_can_make_columns():
    runs = made(temperature=[0, 1], samples=3)

    markup = view(runs, rows="temperature", columns="sample")._repr_html_()
    assert "<th>sample = 2</th>" in markup


def test_names_in_step_are_one_direction():
    runs = made(tone=["x", "y"], topic=["p", "q"])
    rows = (runs.rows[0], runs.rows[3])
    axis = Axis(("tone", "topic"), (("x", "p"), ("y", "q")))
    markup = view(replace(runs, rows=rows, axes=(axis,)))._repr_html_()

    assert "class=jc-c0 checked>tone+topic" in markup
    assert "<th>tone+topic = y, q</th>" in markup


def test_no_two_views_share_their_radio_buttons(runs_of_six):
    names = [
        set(re.findall(r"name=(jc-\w+)", view(runs_of_six)._repr_html_()))
        for _ in range(2)
    ]

    assert names[0]
    assert not names[0] & names[1]


def test_what_is_the_same_everywhere_can_be_hidden():
    """Answers to one prompt that all agree, and words that all of them have."""

    def text(point, sample):
        if point.values["tone"] == "same":
            return "One answer."
        return f"It always begins like this, then {point.values['temperature']} comes."

    runs = made(temperature=[0, 1], tone=["same", "other"], text=text)
    markup = view(runs, differ=True)._repr_html_()

    assert markup.count("class='jc-t jc-s'") == 2
    assert "2 answers that are the same everywhere are hidden." in markup
    assert "<span class=jc-e>It always begins like this, then</span> 0.0" in markup
    assert "One answer." not in repr(view(runs, differ=True))


def test_nothing_is_hidden_where_only_one_answered():
    runs = with_status(made(temperature=[0, 1]), None)

    assert "jc-t jc-s" not in view(runs)._repr_html_()


def test_words_are_compared_with_a_chosen_point(runs_of_six):
    markup = view(runs_of_six, against={"temperature": 0.5, "tone": "warm"})

    assert "Against temperature=0.5, tone=warm" in markup._repr_html_()
    assert "<del>warm</del> <ins>dry</ins>" in markup._repr_html_()
    assert view(runs_of_six, against=-1)._repr_html_().count("Against temp") == 1


def test_a_point_where_nothing_was_answered_is_no_baseline(runs_of_six):
    part = with_status(runs_of_six, None)

    with pytest.raises(InputError, match="nothing was answered there"):
        view(part, against={"temperature": 0, "tone": "dry"})


def test_every_point_of_a_small_sweep_can_be_chosen_by_the_reader(runs_of_six):
    page = Reader(view(runs_of_six)._repr_html_())

    for point in runs_of_six.points:
        assert f"Against {point.label}:" in page.text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rows": "tne"}, "tne does not vary in this sweep; temperature, tone does."),
        ({"rows": "tone", "columns": "tone"}, "give two that differ"),
        ({"page": 1}, "page is 1; this sweep has pages 0 to 0."),
        ({"against": {"tone": "x"}}, "No point has tone='x'"),
        ({"against": 6}, "against is 6; give a point"),
        ({"against": "dry"}, "against is 'dry'; give a point"),
    ],
)
def test_a_choice_that_is_not_there_is_one_line(runs_of_six, options, says):
    with pytest.raises(InputError) as caught:
        view(runs_of_six, **options)

    assert says in str(caught.value)


def test_an_empty_sweep_and_one_call_have_a_view(runs_of_six):
    for part in (runs_of_six.failed, runs_of_six[:1]):
        bundle = view(part).bundle()

        assert (
            bundle["text/plain"].splitlines()[-1].startswith(f"{len(part.rows)} call")
        )
        assert "<table>" in bundle["text/html"]


ALLOWED = {
    *("style", "div", "p", "fieldset", "legend", "label", "input", "table", "thead"),
    *("tbody", "tr", "th", "td", "span", "i", "br", "del", "ins", "details", "summary"),
    *("strong", "ul", "li"),
}

HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="<>/&\"'`= abdeilmnoprstvy\n\\$\x00\x1b\u2028"),
    st.sampled_from(
        [
            "</style><script>alert(1)</script>",
            "</td></tr></table><img src=x onerror=alert(1)>",
            "<!-- ",
            "]]><svg onload=alert(1)>",
            "' onmouseover='alert(1)",
            "\udcff\u202e",
        ]
    ),
)


@settings(max_examples=30)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_text_is_shown_and_nothing_else(first, second, value):
    """Whatever a model, a value or an error says: the page has our tags alone."""
    texts = [first, second]
    value = value.encode(errors="replace").decode()
    runs = made(
        tone=["plain", "x" + value],
        samples=2,
        text=lambda point, sample: texts[sample],
    )
    rows = list(runs.rows)
    bad = replace(rows[3].completion, status="error", error=value)
    rows[3] = rows[3]._replace(completion=bad)
    page = Reader(view(replace(runs, rows=tuple(rows)))._repr_html_())

    assert page.tags <= ALLOWED
    assert page.attributes <= {
        *("class", "style", "scope", "hidden", "type", "name", "checked", "open")
    }
    cells = [line for line in page.lines if len(line) == 7]
    assert cells[1][2] == lines(printable(first.strip()))


def test_nothing_is_typeset_and_nothing_is_loaded(runs_of_six):
    markup = view(runs_of_six)._repr_html_()

    assert "mathjax_ignore tex2jax_ignore" in markup
    assert "script" not in markup
    assert "url(" not in markup
    assert "@import" not in markup


def test_without_its_style_the_whole_table_is_there():
    """A reader that strips style and inputs still has every text in full."""
    runs = big(60, lambda point, sample: f"{point.values['n']} " + "word " * 150)
    bare = re.sub(r"<style>.*?</style>|<input[^>]*>", "", view(runs)._repr_html_())
    cells = [line for line in Reader(bare).lines if len(line) == 6]

    assert len(cells) == 61
    assert all(line[1].count("word") == 150 for line in cells[1:])
    for hidden in ("jc-controls", "'jc-h jc-h0'", "jc-d", "jc-n"):
        assert re.search(
            rf"<\w+ (class={hidden} )?hidden=hidden( class={hidden})?", bare
        )


def saved(bundle):
    """Return the bytes of a notebook with this output, as Jupyter writes it."""
    notebook = new_notebook(cells=[new_code_cell("", outputs=[])])
    notebook.cells[0].outputs = [new_output("display_data", data=bundle)]
    file = io.StringIO()
    nbformat.write(notebook, file)
    return len(file.getvalue().encode())


@pytest.mark.parametrize(
    "word",
    ["word ", "<b>&'\" ", "ключ\n", '\\\\"\n', "\u2028語"],
    ids=["plain", "markup", "lines", "escapes", "separators"],
)
def test_a_notebook_with_a_thousand_answers_is_below_two_megabytes(word):
    def text(point, sample):
        return (f"{point.values['n']} " + word * 1000)[:1000]

    assert saved(view(big(1000, text)).bundle()) < 2_000_000


def test_a_thousand_answers_of_a_kilobyte_are_there_in_full():
    def text(point, sample):
        return (f"{point.values['n']} " + "word " * 200)[:1000]

    assert "has the whole" not in view(big(1000, text))._repr_html_()


def test_a_text_that_is_cut_says_where_the_whole_is():
    runs = big(200, lambda point, sample: "word " * 3000)
    page = Reader(view(runs, name="mine")._repr_html_())
    cells = [line for line in page.lines if len(line) == 6]

    assert all(
        re.search(r"word… cut: mine\[\d+\].text has the whole$", line[1].strip())
        or re.search(r"… cut: mine\[\d+\].text has the whole$", line[1])
        for line in cells[1:]
    )
    assert "mine[199].text" in cells[-1][1]


def test_more_than_a_thousand_calls_are_shown_in_part():
    runs = big(1050, told)

    first, second = (Reader(view(runs, page=page)._repr_html_()) for page in (0, 20))
    assert sum(len(line) == 6 for line in first.lines) == 1001
    assert "Calls 0 to 999 of 1,050" in first.text
    assert sum(len(line) == 6 for line in second.lines) == 51
    assert second.lines[-1][0] == "1049"


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(0, 20_000))
def test_texts_that_are_cut_fit(weights, budget):
    limit = table.longest(weights, budget)

    assert sum(min(size, limit) for size in weights) <= budget


@given(st.text(), st.integers(-5, 200))
def test_a_cut_text_has_at_most_its_weight(text, limit):
    kept = table.cut(text, limit, table.html)

    assert table.weight(kept) <= max(limit, 0)
    assert lines(printable(text)).startswith(html.unescape(lines(kept)))


# ---- differences


@given(st.text(alphabet="ab \n"), st.text(alphabet="ab \n"))
def test_a_difference_holds_both_texts(old, new):
    found = segments(old, new)

    for text, kinds in ((old, "equal delete"), (new, "equal insert")):
        words = [one for each in found if each.kind in kinds for one in each.pieces]
        assert [word.strip() for word in words] == text.split()


def test_a_difference_marks_words_alone():
    assert difference("a  b c", "a  x c") == "a  <del>b</del>  <ins>x</ins> c"
    assert difference("<b>", "<i>") == "<del>&lt;b&gt;</del><ins>&lt;i&gt;</ins>"


def test_texts_of_too_many_words_are_not_compared():
    assert difference("a " * 5000, "b " * 5000) is None


def test_of_long_answers_the_beginnings_are_compared():
    texts = ["a " * 5000, "b " * 5000]
    runs = made(n=[0, 1], text=lambda point, sample: texts[point.values["n"]])

    markup = view(runs, against=0)._repr_html_()
    assert "only 6,000 characters were compared" in markup
    assert "too long to compare" not in markup


def test_a_word_with_a_control_character_in_it_hides_nothing():
    """A separator of files divides words, and is a character that is shown."""
    runs = made(n=[0, 1], text=lambda point, sample: f"a b c d e\x1cf {point.values}")
    page = Reader(view(runs)._repr_html_())

    assert "a b c d e␜f" in page.text


def test_what_is_beyond_the_offered_directions_is_named_and_can_be_chosen():
    runs = made(**{name: ["x", "y"] for name in ("a", "b", "c", "d", "e", "f")})

    assert "view(rows=…, columns=…) takes f, too" in view(runs)._repr_html_()
    assert "view(rows=…, columns=…) takes e, too" in view(runs, rows="f")._repr_html_()


# ---- live


class Publisher(DisplayPublisher):
    """Keeps what a front end would be sent."""

    def publish(self, data, **more):
        self.outputs = [*getattr(self, "outputs", ()), {"data": data, **more}]


class Notebook:
    """A screen of a shell with a kernel, and what it was sent."""

    def __init__(self, shell, sweep, monkeypatch):
        self.publisher = Publisher()
        monkeypatch.setattr(shell, "display_pub", self.publisher)
        # As if time had passed between any two reports.
        monkeypatch.setattr("jupyter_complete.display.screen.BURST", 10**7)
        shell.kernel = types.SimpleNamespace(get_parent=dict)
        tasks = [
            types.SimpleNamespace(point=r.point, sample=r.sample) for r in sweep.rows
        ]
        self.sweep = sweep
        self.screen = sweep_screen(shell, types.SimpleNamespace(tasks=tasks))
        self.ended = 0

    def answer(self, count):
        """Report so many more answers."""
        found = [*self.sweep][self.ended : self.ended + count]
        news = tuple(Finished(self.ended + n, one) for n, one in enumerate(found))
        self.ended += len(news)
        total = len(self.sweep)
        self.screen.progress(
            Progress(total, self.ended, 0, 0, 8, 16, 12.5, 90.0, finished=news)
        )

    def sent(self):
        return [one["data"] for one in self.publisher.outputs]


@pytest.fixture
def notebook(bare_shell, monkeypatch):
    return lambda sweep: Notebook(bare_shell, sweep, monkeypatch)


def test_the_grid_fills_and_the_line_counts(notebook, runs_of_six):
    live = notebook(runs_of_six)
    live.answer(0)
    live.answer(1)

    empty, filled = (Reader(data["text/html"]).text for data in live.sent())
    line = "0 of 6 done · 0 failed · 8 in flight of at most 16 · 12.5 answers/s"
    assert line in empty
    assert "about 1 min 30 s left" in empty
    assert "It is dry" not in empty
    assert "1/1" in filled
    assert "It is dry at 0.0." in filled
    assert "1 of 6 done" in filled
    assert "0.0, dry: It is dry at 0.0." in filled


def test_a_report_that_says_nothing_new_is_not_sent(notebook, runs_of_six):
    live = notebook(runs_of_six)
    live.answer(1)
    for _ in range(9):
        live.answer(0)

    assert len(live.sent()) == 1


def test_failed_and_reused_calls_are_told_in_their_tile(notebook):
    runs = with_status(made(temperature=[0, 1], samples=2), "complete", "error")
    rows = list(runs.rows)
    rows[0] = rows[0]._replace(completion=replace(rows[0].completion, reused=True))
    live = notebook(replace(runs, rows=tuple(rows)))
    live.answer(0)
    live.answer(2)

    assert "1/2 ✗1 ↺1" in Reader(live.sent()[-1]["text/html"]).text


def test_many_points_share_tiles(notebook):
    live = notebook(big(1000, told))
    live.answer(0)
    live.answer(7)

    grid = live.sent()[-1]["text/html"]
    assert grid.count("</div>") <= 203
    assert "5/5" in grid
    assert "2/5" in grid


def test_the_bytes_of_a_run_grow_with_its_time(notebook, monkeypatch):
    live = notebook(big(1000, lambda point, sample: "word " * 200))
    monkeypatch.setattr("jupyter_complete.display.screen.BURST", 2_000)
    start = time.monotonic()
    for count in (0, *[1] * 1000):
        live.answer(count)
    seconds = time.monotonic() - start
    sizes = [sum(map(len, data.values())) for data in live.sent()]

    assert sum(sizes[1:]) <= 2_000 + 40_000 * seconds + max(sizes)


@settings(max_examples=30)
@given(HOSTILE)
def test_hostile_text_is_harmless_in_the_grid(text):
    from jupyter_complete.display.sweeps.live import Tiles

    value = "x" + text.encode(errors="replace").decode()
    runs = made(tone=[value], text=lambda point, sample: text)
    tiles = Tiles([(row.point, row.sample) for row in runs.rows])
    tiles.end(Finished(0, runs[0]))
    progress = Progress(1, 1, 0, 0, 0, 8, 1.0, 0.0)

    page = Reader(tiles.html() + tiles.status(progress, "line", text))
    assert page.tags <= {"style", "div", "b", "i", "br", "small", "progress"}


def test_the_end_is_in_the_place_of_what_was_live(notebook, runs_of_six):
    live = notebook(runs_of_six)
    live.answer(0)
    live.answer(6)
    live.screen.finish(runs_of_six)

    sent = live.publisher.outputs
    assert [bool(one.get("update")) for one in sent] == [False, True, True]
    assert len({one["transient"]["display_id"] for one in sent}) == 1
    assert sent[-1]["data"]["text/plain"] == repr(view(runs_of_six))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_a_bar_then_the_table(bare_shell, runs_of_six, monkeypatch):
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("COLUMNS", "100")
    screen = sweep_screen(bare_shell, types.SimpleNamespace(tasks=[]))
    screen.progress(Progress(6, 3, 0, 0, 3, 8, 1.0, 3.0))
    screen.finish(runs_of_six)

    bar, blank, table = out.getvalue().split("\r")[1:]
    assert bar.startswith("████████████░░░░░░░░░░░░ 3 of 6 done")
    assert len(bar) == 99
    assert "\n" not in bar
    assert not blank.strip()
    assert table == f"{view(runs_of_six)!r}\n"


def test_a_line_that_says_nothing_new_is_not_written_again(bare_shell, monkeypatch):
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    screen = sweep_screen(bare_shell, types.SimpleNamespace(tasks=[]))
    for _ in range(3):
        screen.progress(Progress(6, 3, 0, 0, 3, 8, 1.0, 3.0))

    assert out.getvalue().count("\r") == 1


def test_an_answer_without_text_is_not_the_newest(notebook, runs_of_six):
    rows = list(runs_of_six.rows)
    rows[1] = rows[1]._replace(completion=replace(rows[1].completion, text=""))
    live = notebook(replace(runs_of_six, rows=tuple(rows)))
    live.answer(1)
    live.answer(1)
    live.answer(0)

    assert "0.0, dry: It is dry" in Reader(live.sent()[-1]["text/html"]).text


def test_a_file_has_the_table_alone(bare_shell, runs_of_six, capsys):
    screen = sweep_screen(bare_shell, types.SimpleNamespace(tasks=[]))
    screen.progress(Progress(6, 3, 0, 0, 3, 8, 1.0, 3.0))
    screen.finish(runs_of_six)

    assert capsys.readouterr().out == f"{view(runs_of_six)!r}\n"
