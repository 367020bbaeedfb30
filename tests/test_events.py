"""Bytes to server-sent events, however the bytes are split."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sseclient import SSEClient

from jupyter_complete.errors import ProtocolError
from jupyter_complete.events import Event, events

CASES = {
    "name and data": ("event: a\ndata: b\n\n", [Event("a", "b")]),
    "no name": ("data: b\n\n", [Event("message", "b")]),
    "empty name": ("event: \ndata: b\n\nevent\ndata: b\n\n", [("message", "b")] * 2),
    "data before the name": ("data: b\nevent: a\n\n", [Event("a", "b")]),
    "no space": ("event:a\ndata:b\n\n", [Event("a", "b")]),
    "two spaces": ("data:  b\n\n", [Event("message", " b")]),
    "colons": ("event: a:b\ndata: c: d\n\n", [Event("a:b", "c: d")]),
    "data on many lines": ("data: a\ndata:\ndata: b\n\n", [Event("message", "a\n\nb")]),
    "named, on many lines": ("event: x\ndata: a\ndata: b\n\n", [Event("x", "a\nb")]),
    "empty data": ("data:\n\nevent: a\ndata: \n\n", [("message", ""), ("a", "")]),
    "data without a colon": ("data\n\n", [Event("message", "")]),
    "comments": (": hi\n\n:\ndata: b\n: bye\n\n", [Event("message", "b")]),
    "name alone": ("event: a\n\ndata: b\n\n", [Event("message", "b")]),
    "two names": ("event: a\nevent: b\ndata: c\n\n", [Event("b", "c")]),
    "other fields": ("x: y\nid: 1\nretry: 5\ndata: b\n\n", [Event("message", "b")]),
    "blank lines": ("\n\n\ndata: b\n\n\n\n", [Event("message", "b")]),
    "two events": ("data: a\n\nevent: x\ndata: b\n\n", [("message", "a"), ("x", "b")]),
    "other separators": (
        "data: a\u2028b\u2029c\x85d\x1ee\x0cf\n\n",
        [Event("message", "a\u2028b\u2029c\x85d\x1ee\x0cf")],
    ),
    "beyond Latin-1": ("event: é\ndata: ü\N{CAT}\n\n", [Event("é", "ü\N{CAT}")]),
    "nothing": ("", []),
}
ENDINGS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}


def parsed(pieces):
    return [event[:2] for event in events(pieces)]


def by_sseclient(pieces):
    return [(event.event, event.data) for event in SSEClient(iter(pieces)).events()]


def splits(data):
    """Return the bytes whole, one by one, cut once and cut twice, at every place."""
    yield [data]
    yield [data[n : n + 1] for n in range(len(data))]
    places = range(len(data) + 1)
    for first, second in itertools.combinations_with_replacement(places, 2):
        yield [data[:first], data[first:second], data[second:]]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("case", CASES)
def test_event_is_the_same_at_every_split_and_as_sseclient_has_it(case, ending):
    text, expected = CASES[case]
    data = text.replace("\n", ENDINGS[ending]).encode()

    for pieces in splits(data):
        assert parsed(pieces) == [tuple(event[:2]) for event in expected], pieces
        assert parsed(pieces) == by_sseclient(pieces)


@pytest.mark.parametrize("ending", ENDINGS)
def test_byte_order_mark_is_stripped_at_every_split(ending):
    data = (
        b"\xef\xbb\xbf"
        + "event: a\ndata: b\n\n".replace("\n", ENDINGS[ending]).encode()
    )

    for pieces in splits(data):
        assert parsed(pieces) == [("a", "b")]


def test_line_endings_may_be_mixed():
    data = b"event: a\rdata: b\n\r\nevent: c\r\ndata: d\r\n\ndata: e\n\r"

    for pieces in splits(data):
        assert parsed(pieces) == [("a", "b"), ("c", "d"), ("message", "e")]


def test_field_error_of_older_servers_is_an_event_of_that_name():
    data = b'data: a\n\nerror: {"code": 500}\n\ndata: [DONE]\n\n'

    for pieces in splits(data):
        assert parsed(pieces) == [
            ("message", "a"),
            ("error", '{"code": 500}'),
            ("message", "[DONE]"),
        ]


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
def test_last_event_without_a_blank_line_is_told_apart(end):
    data = f"data: a\n\nevent: x\ndata: b{end}".encode()

    for pieces in splits(data):
        assert list(events(pieces)) == [
            Event("message", "a", whole=True),
            Event("x", "b", whole=False),
        ]


@pytest.mark.parametrize("ending", ENDINGS.values())
def test_event_is_given_as_soon_as_its_last_byte_is_there(ending):
    asked_for_more = []

    def pieces():
        yield f"event: a{ending}data: b{ending}{ending}".encode()
        asked_for_more.append(True)

    assert next(events(pieces())) == Event("a", "b")
    assert asked_for_more == []


@pytest.mark.parametrize("data", [b"data: \xff\n\n", b"event: \xc3\n\n", b"\xef\xbb"])
def test_bytes_that_are_not_utf_8_are_a_protocol_error(data):
    for pieces in splits(b"data: a\n\n" + data):
        stream = events(pieces)
        assert next(stream).data == "a"
        with pytest.raises(ProtocolError, match="UTF-8"):
            list(stream)


def test_half_a_byte_order_mark_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="UTF-8"):
        list(events([b"\xef", b"\xbb"]))


LINES = st.one_of(
    st.just(""),
    st.tuples(
        st.sampled_from(["data", "event", "id", "retry", "", "x", " data"]),
        st.sampled_from([":", ": ", "", ":  "]),
        st.text(
            st.characters(exclude_characters="\r\n\ufeff", exclude_categories=["Cs"])
        ),
    ).map("".join),
)


@given(
    lines=st.lists(LINES),
    ending=st.sampled_from(list(ENDINGS.values())),
    cuts=st.lists(st.integers(0, 400)),
)
def test_any_stream_cut_anywhere_is_as_sseclient_has_it(lines, ending, cuts):
    data = ending.join([*lines, "", ""]).encode()
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]

    assert parsed(pieces) == by_sseclient(pieces) == parsed([data])


@given(st.lists(st.binary()))
def test_any_bytes_give_events_or_a_protocol_error(pieces):
    try:
        found = parsed(pieces)
    except ProtocolError:
        found = []

    assert all(isinstance(name, str) and name for name, _ in found)
