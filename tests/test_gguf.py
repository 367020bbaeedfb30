"""The header of a GGUF file: what it says, and what any other file is said to be."""

import contextlib
import os
import struct
import tracemalloc

import pytest
from gguf import F32, Q4_1, gguf, text, tiny_llama
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_complete.local.gguf import NotAModel, read_header

TINY = tiny_llama(more={"tokenizer.chat_template": "{{ messages }}"})
LEAST = {"general.architecture": "llama"}
WEIGHTS = ("w", (4,), F32, bytes(16))


@pytest.fixture
def written(tmp_path):
    def write(data, name="a.gguf"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def fault(path):
    with pytest.raises(NotAModel) as raised:
        read_header(path)
    said = str(raised.value)
    assert said == f"{path} {raised.value.fault}; get it anew, or name another file."
    assert "\n" not in said
    return raised.value.fault


def test_a_header_says_what_the_model_is(written):
    header = read_header(written(TINY))

    assert header.architecture == "llama"
    assert header.name == "Tiny"
    assert header.size_label is None
    assert header.parameters == 37216
    assert header.context_tokens == 256
    assert header.quantization == "F32"
    assert header.chat_template


def test_version_2_reads_as_version_3(written):
    second = written(gguf(LEAST, [WEIGHTS], version=2), "2.gguf")
    third = written(gguf(LEAST, [WEIGHTS], version=3), "3.gguf")

    assert read_header(second) == read_header(third)


@pytest.mark.parametrize("kind", [*range(8), 10, 11, 12])
def test_every_type_of_a_number_is_passed_over(written, kind):
    size = {0: 1, 1: 1, 2: 2, 3: 2, 7: 1, 10: 8, 11: 8, 12: 8}.get(kind, 4)
    one = struct.pack("<I", kind) + bytes(size)
    many = struct.pack("<IIQ", 9, kind, 3) + bytes(3 * size)
    path = written(gguf({"a": one, "b": many, **LEAST}, [WEIGHTS]))

    assert read_header(path).parameters == 4


def test_strings_of_any_length_are_passed_over_at_any_place(written):
    # Longer than what is read at once, and so many that it is read many times.
    texts = ["x" * length for length in (0, 1, 300_000, 7, 262_144)] * 3
    path = written(gguf({"a": texts, "b": ["y" * 9] * 40_000, **LEAST}, [WEIGHTS]))

    assert read_header(path).architecture == "llama"


def test_a_context_may_be_said_in_64_bits_and_before_the_architecture(written):
    wide = struct.pack("<IQ", 10, 1 << 20)
    path = written(gguf({"llama.context_length": wide, **LEAST}, [WEIGHTS]))

    assert read_header(path).context_tokens == 1 << 20


def test_the_quantization_is_what_most_parameters_have_where_it_is_not_said(written):
    tensors = [("a", (8,), F32, bytes(32)), ("b", (64,), Q4_1, bytes(40))]

    assert read_header(written(gguf(LEAST, tensors))).quantization == "Q4_1"


def test_a_mixture_has_its_own_name(written):
    entries = {**LEAST, "general.file_type": 15}

    assert read_header(written(gguf(entries, [WEIGHTS]))).quantization == "Q4_K_M"


def test_types_to_come_are_not_known(written):
    entries = {**LEAST, "general.file_type": 4711}
    tensor = ("w", (1 << 40,), 4711, bytes(16))
    header = read_header(written(gguf(entries, [tensor])))

    assert header.quantization is None
    assert header.parameters == 1 << 40


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"G", "is no GGUF file"),
        (b"<!doctype html><html>", "is no GGUF file"),
        (b"GGUF", "is cut: its header goes on after its 4 bytes"),
        (gguf({}, version=1), "is GGUF of version 1, and 2 and 3 are known"),
        (gguf({}, version=4), "is GGUF of version 4, and 2 and 3 are known"),
        (gguf({}, version=3 << 24), "is for machines of the other byte order"),
        (gguf({}), "has no weights"),
        (gguf({}, [WEIGHTS]), "does not say the architecture of its model"),
        (gguf({"general.architecture": 3}, [WEIGHTS]), "does not say the arch"),
        (gguf({**LEAST, "general.type": "adapter"}), "is no model of its own but"),
        (gguf({**LEAST, "split.no": 1}), "is part 2 of a model; name its first part"),
        (gguf({"a": struct.pack("<I", 13)}), "entry 'a' is of no known type"),
        (gguf({"a": struct.pack("<I", 0xFFFFFFFF)}), "entry 'a' is of no known"),
        (gguf({"a": struct.pack("<IIQ", 9, 9, 1)}), "array in its header is of no"),
        (gguf({}, counts=(0, 1 << 63)), "entries in its header, more than any"),
        (gguf({}, counts=(0, 1_000_000)), "has 1,000,000 entries in its header"),
        (gguf(LEAST, counts=(1 << 63, 1)), "tensors, more than any model"),
        (gguf(LEAST, counts=(60_000, 1)), "is cut: its header goes on after"),
        (
            gguf({"a": struct.pack("<IIQ", 9, 8, 1 << 63)}),
            "has more than 2,000,000 str",
        ),
        (gguf({"a": struct.pack("<IIQ", 9, 10, 1 << 63)}, [WEIGHTS]), "is cut"),
        (gguf({"a": struct.pack("<Iq", 8, -1)}, [WEIGHTS]), "is cut: its header"),
        (gguf({"a": struct.pack("<IIQq", 9, 8, 2, -1)}), "is cut: its header"),
        (gguf(LEAST, [("w", (1,) * 5, F32, bytes(4))]), "a tensor has 5 dimensions"),
        (gguf(LEAST, [("w", (1 << 62,) * 4, F32, b"")]), "a tensor has no end"),
        (
            gguf(LEAST, [("w", (5, 10), F32, bytes(99))]),
            "is cut: it has 256 of its 328",
        ),
    ],
)
def test_what_is_no_model_is_said_in_one_line(written, data, said):
    assert said in fault(written(data))


def test_a_model_cut_anywhere_is_no_model(written):
    whole = len(TINY)
    for length in (*range(0, 4096, 61), *range(4096, whole, 997), whole - 1):
        fault(written(TINY[:length]))


@given(data=st.data())
@settings(max_examples=80)
def test_a_header_with_other_bytes_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "mutated.gguf"
    head = bytearray(TINY[:12_000])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(head) - 9))
        new = data.draw(st.binary(min_size=1, max_size=9))
        head[place : place + len(new)] = new
    path.write_bytes(bytes(head) + TINY[12_000:])
    with contextlib.suppress(NotAModel):
        assert read_header(path).architecture


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_any_bytes_after_the_first_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.gguf"
    path.write_bytes(b"GGUF\x03\0\0\0" + data)

    with pytest.raises(NotAModel):
        read_header(path)


def test_nothing_long_is_kept_of_a_header(written):
    long = "x" * 5_000_000
    entries = {"general.name": long, "tokenizer.chat_template": long, "a": [long]}
    keys = {f"{number}.context_length": number for number in range(1, 5000)}
    path = written(gguf({**entries, **keys, **LEAST}, [WEIGHTS]))

    tracemalloc.start()
    header = read_header(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(header.name) == 200
    assert most < 4_000_000


def test_a_key_without_end_is_read_in_part(written):
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k" * 1_000_000)

    assert "is of no known type" in fault(written(head + struct.pack("<I", 99)))


def test_a_pipe_is_no_file_and_nothing_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")

    assert fault(tmp_path / "pipe.gguf") == "is no file"


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_file(tmp_path, path):
    (tmp_path / "device.gguf").symlink_to(path)

    assert fault(tmp_path / "device.gguf") == "is no file"


def test_a_directory_is_no_file(tmp_path):
    (tmp_path / "dir.gguf").mkdir()

    assert fault(tmp_path / "dir.gguf") == "is no file"


def test_what_is_not_there_cannot_be_read(tmp_path):
    said = "cannot be read (No such file or directory)"

    assert fault(tmp_path / "none.gguf") == said


def test_a_name_of_nul_cannot_be_read(tmp_path):
    with pytest.raises(NotAModel, match="cannot be read"):
        read_header(tmp_path / "a\0.gguf")


def test_a_file_that_shrinks_while_it_is_read_is_cut(written, monkeypatch):
    path = written(TINY)
    real = os.fstat

    def shrinking(descriptor):
        found = real(descriptor)
        os.truncate(path, 10)
        return found

    monkeypatch.setattr(os, "fstat", shrinking)

    assert fault(path) == "is cut: it became shorter while it was read"
