"""The public names: there, known to the tools that read no running code, explained."""

import inspect
import re

import jedi
import pytest

import jupyter_complete
from jupyter_complete import Completion, CompletionPanel, Sweep

CLASSES = (Completion, CompletionPanel, Sweep)


def own_names(kind):
    """Return the public names of a class that are ours, not a foreign base's."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("jupyter_com")]
    return sorted(
        {name for base in ours for name in vars(base) if not name.startswith("_")}
    )


def functions():
    """Yield (name, function) of all that a user can call."""
    for name in jupyter_complete.__all__:
        if inspect.isfunction(found := getattr(jupyter_complete, name)):
            yield name, found
    for kind in CLASSES:
        for name in own_names(kind):
            found = inspect.getattr_static(kind, name)
            found = getattr(found, "__func__", found)
            if inspect.isfunction(found):
                yield f"{kind.__name__}.{name}", found


def test_the_public_names_are_there_in_order():
    for name in jupyter_complete.__all__:
        assert getattr(jupyter_complete, name) is not None
    assert sorted(jupyter_complete.__all__) == jupyter_complete.__all__


def test_an_editor_offers_every_public_name():
    code = "import jupyter_complete\njupyter_complete."

    offered = {one.name for one in jedi.Script(code).complete()}

    assert set(jupyter_complete.__all__) <= offered


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_editor_offers_every_name_of_a_public_class(kind):
    name = kind.__name__
    code = f"from jupyter_complete import {name}\ndef f(it: {name}):\n    it."

    offered = {one.name for one in jedi.Script(code).complete()}

    assert set(own_names(kind)) - {"class_traits"} <= offered


@pytest.mark.parametrize(("name", "function"), [*functions()], ids=str)
def test_what_a_user_calls_says_what_each_argument_is(name, function):
    text = inspect.getdoc(function) or ""
    names = [
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.name not in ("self", "cls") and one.kind is not one.VAR_KEYWORD
    ]

    assert text.endswith(".")
    unexplained = [one for one in names if not re.search(rf"\b{one}\b", text)]
    assert not unexplained, f"{name} does not say what {unexplained} is"
