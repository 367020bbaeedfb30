"""Plots of a sweep: what they show, on which axes, and on any background."""

import io
import itertools
import random
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
from test_sweep_result import made

from jupyter_complete import Sweep, figures
from jupyter_complete.errors import InputError
from jupyter_complete.figures.drawing import INK, LINE


@pytest.fixture
def runs():
    """Longer answers at a higher temperature, and none that is equal."""
    draw = random.Random(1)
    return made(
        temperature=[0, 0.5, 1],
        tone=["dry", "warm"],
        topic=["tea", "cats", "$x$ and \N{BALLOON}"],
        samples=4,
        text=lambda point, _: " ".join(
            draw.choices("abcdef", k=3 + int(10 * point.values["temperature"]))
        ),
    )


def texts(figure):
    return [
        text.get_text()
        for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
    ]


def test_one_axis_is_a_line_with_its_interval(runs):
    figure = figures.plot(runs, "words~temperature")

    (axes,) = figure.axes
    assert axes.lines[0].get_xydata().tolist() == [[0, 3], [0.5, 8], [1, 13]]
    assert len(axes.collections) == 1
    assert axes.get_xlabel() == "temperature"
    assert axes.get_ylabel() == "words, mean\n(n = 24 at each point)"


def test_the_interval_is_that_of_the_measure(runs):
    (axes,) = figures.plot(runs, "distinct_1~temperature").axes

    estimates = [one.estimate for one in runs.metrics("distinct_1", by=["temperature"])]
    drawn = axes.collections[0].get_paths()[0].vertices[:, 1]
    for bound in itertools.chain.from_iterable((e.low, e.high) for e in estimates):
        assert np.isclose(drawn, bound).any()


def test_words_on_an_axis_are_points_with_error_bars(runs):
    (axes,) = figures.plot(runs, "distinct_2~tone").axes

    assert [label.get_text() for label in axes.get_xticklabels()] == ["dry", "warm"]
    assert axes.containers


def test_two_axes_are_a_heatmap(runs):
    figure = figures.plot(runs, "words~temperature+tone")

    axes, bar = figure.axes
    assert axes.images[0].get_array().tolist() == [[3, 8, 13], [3, 8, 13]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("temperature", "tone")
    assert bar.get_ylabel() == "words, mean\n(n = 12 at each point)"
    assert "13" in texts(figure)


def test_a_large_heatmap_has_colours_alone_and_slanted_names():
    names = [f"a rather long name {n}" for n in range(9)]
    runs = made(tone=names, temperature=[n / 10 for n in range(9)])

    figure = figures.plot(runs, "words~tone+temperature")

    axes = figure.axes[0]
    assert not axes.texts
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {30}
    assert axes.images[0].get_array().shape == (9, 9)


def test_three_axes_are_small_multiples_on_one_scale(runs):
    figure = figures.plot(runs)

    *multiples, _ = figure.axes
    assert [axes.get_title() for axes in multiples][:2] == [
        "topic = tea",
        "topic = cats",
    ]
    assert {axes.images[0].get_clim() for axes in multiples} == {(3, 13)}


def test_a_count_that_differs_is_shown_as_a_range():
    runs = made(tone=["x", "y"], samples=2)
    part = runs[:3]

    (axes,) = figures.plot(part, "words~tone").axes

    assert "n = 1 to 2 at each point" in axes.get_ylabel()


def test_a_point_without_an_answer_is_no_value():
    runs = made(temperature=[0, 1], tone=["x", "y"])
    last = runs.rows[-1]._replace(completion=None)
    part = Sweep((*runs.rows[:-1], last))

    figure = figures.plot(part, "words~temperature+tone")

    assert np.ma.getmaskarray(figure.axes[0].images[0].get_array())[1, 1]
    assert "n = 0" in texts(figure)


def test_a_function_is_plotted_by_its_name(runs):
    def letters(completion):
        return len(completion.text)

    (axes,) = figures.plot(runs, "temperature", metric=letters).axes

    assert axes.get_ylabel() == "letters, mean\n(n = 24 at each point)"


def test_a_wide_range_of_powers_has_a_logarithmic_scale():
    (axes,) = figures.plot(made(max_tokens=[1, 10, 100, 1000]), "words").axes

    assert axes.get_xscale() == "log"


def test_what_is_not_sent_is_a_value_of_its_own():
    (axes,) = figures.plot(made(temperature=[None, 0.5]), "words~temperature").axes

    assert [t.get_text() for t in axes.get_xticklabels()] == ["not sent", "0.5"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("wrods~temperature", "metric is 'wrods'"),
        ("words~mood", "cannot have mood as an axis; write metric~axis, with axes of"),
        ("words~temperature+", "cannot have an empty name"),
        ("words~tone+tone", "each once"),
        ("words~a+b+c+d", "has 4 axes; give at most three"),
        ("first_token_seconds~tone", "No answer of the sweep has first_token_seconds"),
    ],
)
def test_a_bad_spec_is_one_line(runs, spec, says):
    with pytest.raises(InputError) as caught:
        figures.plot(runs, spec)

    assert says in str(caught.value)


def test_a_sweep_of_one_point_has_nothing_to_plot():
    with pytest.raises(InputError, match="there is no axis"):
        figures.plot(made(temperature=[0]))


def test_it_shows_itself_as_an_image_and_as_a_table(runs):
    figure = figures.plot(runs, "words~temperature+topic")

    png, size = figure._repr_png_()

    assert png.startswith(b"\x89PNG")
    assert size["width"] > 300
    assert "13 [13, 13] (n = 8)" in repr(figure)


def contrast(ink, background):
    def luminance(rgb):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(ink), luminance(background)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
@pytest.mark.parametrize("ink", [INK, LINE])
def test_the_inks_stand_out_against_light_and_dark(ink, background):
    from matplotlib.colors import to_rgb

    assert contrast(to_rgb(ink), to_rgb(background)) > 4


def test_the_background_is_the_pages_own(runs):
    png, _ = figures.plot(runs, "words~temperature")._repr_png_()

    image = matplotlib.image.imread(io.BytesIO(png))

    assert image[0, 0, 3] == 0
    assert (image[..., 3] == 0).mean() > 0.5


def test_no_text_is_read_as_a_formula(runs):
    figure = figures.plot(runs, "words~topic")

    assert any("$x$" in text for text in texts(figure))
    assert not any(
        artist.get_parse_math()
        for artist in figure.findobj(lambda artist: hasattr(artist, "get_parse_math"))
    )


def test_a_sweeps_own_plot_is_this_one(runs):
    figure = runs.plot("words~temperature")

    assert figure.axes[0].get_xlabel() == "temperature"


def test_matplotlib_is_imported_only_for_a_figure():
    code = "import sys, jupyter_complete.figures; print('matplotlib' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


def test_without_matplotlib_it_says_what_to_install(runs, monkeypatch):
    figures._figure_class.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(InputError, match=r"pip install 'jupyter-complete\[plots\]'"):
        figures.plot(runs, "words~temperature")
