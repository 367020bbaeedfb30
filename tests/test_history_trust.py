"""The history never stands in the way, and never lies."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import events

from jupyter_complete.completion import Completion
from jupyter_complete.errors import HistoryError
from jupyter_complete.history import History, queue
from jupyter_complete.request import CompletionRequest

RED = CompletionRequest("m", "Name a colour.", 10)
LONG = 20.0
"""Seconds in which anything here ends, however busy the machine is."""


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def history(tmp_path, warnings):
    found = History(tmp_path / "profile" / "h.sqlite", warn=warnings.append)
    yield found
    found.close()


def keep(history, text, **more):
    """Store a completion as a session does, and give its entry."""
    entry = history.begin(RED, endpoint="e", dialect="text", **more)
    history.finish(entry, Completion(text, RED, sample=more.get("sample", 0)))
    return entry


def texts(history):
    return sorted(row.completion.text for row in history.search(n=None))


def spills(history):
    """Return the files of what waits, in which there is something."""
    files = history.path.parent.glob("*-waiting-*")
    return [file for file in files if file.stat().st_size]


def python(code, *arguments, **more):
    """Start a Python process with a history open as ``history``."""
    head = """
        import os, sqlite3, sys, time
        from jupyter_complete.completion import Completion
        from jupyter_complete.request import CompletionRequest
        from jupyter_complete.history import History
        history = History(sys.argv[1], warn=print)
        request = CompletionRequest("m", "Name a colour.", 10)
        def keep(text):
            entry = history.begin(request, endpoint="e", dialect="text")
            history.finish(entry, Completion(text, request))
            return entry
    """
    code = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        **more,
    )


@contextlib.contextmanager
def locked(path, how="BEGIN EXCLUSIVE"):
    """Hold a lock on the file from another program."""
    code = """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        for statement in sys.argv[2].split(";"):
            connection.execute(statement).fetchall()
        print("locked", flush=True)
        sys.stdin.readline()
    """
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        program.communicate("\n")


WHOLLY = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT; BEGIN EXCLUSIVE"
"""A lock under which nothing can even be read."""


def in_file(history):
    """Wait until the file has all of it."""
    deadline = time.monotonic() + LONG
    while not history.flush(0.05):
        assert time.monotonic() < deadline


def until_kept(*entries):
    """Wait until runs are written down, wherever; a busy machine takes its time."""
    deadline = time.monotonic() + LONG
    while not all(entry.kept for entry in entries):
        assert time.monotonic() < deadline
        time.sleep(0.01)


# 1. Beside the call, never in its way.


@pytest.mark.parametrize("how", ["BEGIN EXCLUSIVE", WHOLLY], ids=["writing", "wholly"])
def test_a_locked_history_holds_no_call_up_and_gets_all_of_it_later(
    history, warnings, how
):
    keep(history, "before")
    history.close()
    with locked(history.path, how):
        start = time.monotonic()
        entries = [keep(history, f"answer {number}") for number in range(50)]
        spent = time.monotonic() - start
        until_kept(*entries)
        assert {entry.number for entry in entries} == {None}
        assert spent < 50 * 10 * queue.AT_MOST_SECONDS
        assert len(warnings) == 1
        assert "is locked by another program" in warnings[0]
        assert "is kept in " in warnings[0]
    in_file(history)

    assert texts(history) == sorted(["before", *(f"answer {n}" for n in range(50))])
    assert len(warnings) == 2
    assert "can be written again" in warnings[1]


def test_where_nothing_is_in_the_way_an_answer_is_written_once(history):
    history.recover()  # opens it
    entries = [keep(history, f"answer {number}") for number in range(5)]
    in_file(history)

    assert all(entry.kept for entry in entries)
    assert history._writer._spill.path is None


def test_an_answer_is_kept_while_the_history_is_at_other_work(history):
    keep(history, "before")
    over = threading.Event()
    work = threading.Thread(target=history._file.do, args=[lambda _: over.wait(LONG)])
    work.start()
    try:
        entry = keep(history, "meanwhile")
        until_kept(entry)
        assert entry.number is None
        assert "meanwhile" in spills(history)[0].read_text()
    finally:
        over.set()
        work.join()
    in_file(history)

    assert texts(history) == ["before", "meanwhile"]


def test_under_a_lock_what_is_just_being_kept_is_waited_for(history, monkeypatch):
    keep(history, "before")
    with locked(history.path):
        until_kept(keep(history, "it is known to be locked"))
        append, may = history._writer._spill.append, threading.Event()
        monkeypatch.setattr(queue, "AT_MOST_SECONDS", LONG)
        monkeypatch.setattr(
            history._writer._spill, "append", lambda runs: may.wait() and append(runs)
        )

        def come_by():
            """Wake who waits, before there is anything to wait for no more."""
            history.begin(RED, endpoint="e", dialect="text")
            threading.Timer(0.1, may.set).start()

        threading.Timer(0.1, come_by).start()
        assert keep(history, "slowly").kept


def test_the_text_so_far_is_written_until_the_run_ends(history):
    entry = history.begin(RED, endpoint="e", dialect="text")
    so_far = ["Re"]
    with history.followed(entry, lambda: "".join(so_far)):
        until_it_reads(history, ["Re"])
        so_far.append("d")
        until_it_reads(history, ["Red"])
        history.finish(entry, Completion("Red.", RED))
        so_far.append("dish and more")
        later = history.begin(RED, endpoint="e", dialect="text")
        with history.followed(later, lambda: "Blue"):
            until_it_reads(history, ["Blue", "Red."])


def until_it_reads(history, wanted):
    deadline = time.monotonic() + LONG
    while texts(history) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_waits_is_readable_by_its_owner_alone_and_gone_afterwards(history):
    keep(history, "before")
    with locked(history.path):
        until_kept(keep(history, "while it is locked"))
        (spill,) = spills(history)
        assert spill.stat().st_mode & 0o777 == 0o600
        assert "while it is locked" in spill.read_text()
    in_file(history)
    history.close()

    assert not list(history.path.parent.glob("*-waiting-*"))


def test_a_cell_under_a_lock_is_sent_shown_and_kept(shell, loopback, capsys):
    line = f"%complete --endpoint {loopback.url} --dialect text -m m --turns raw"
    loopback.reply(events("Red."))
    shell.run(f"{line} Name a colour.")
    path = Path(shell.profile_dir.location) / "completions.sqlite"
    capsys.readouterr()
    with locked(path):
        for text in ("Blue.", "Green."):
            loopback.reply(events(text))
            start = time.monotonic()
            shell.run(f"{line} Name another.")
            assert time.monotonic() - start < LONG / 4  # it was half a minute and more
            assert shell.user_ns["_completion"].text == text
            assert shell.user_ns["_completion"].history_id is None
        shown = capsys.readouterr()
        assert shown.err.count("is locked by another program") == 1
        assert "Not stored" not in shown.out
        # What was asked a moment ago is known, wherever it is.
        shell.run(f"{line} --reuse Name another.")
        assert shell.user_ns["_completion"].reused
        assert shell.user_ns["_completion"].text == "Green."
        table = shell.run("%complete_history")
        assert [row[-1] for row in table.rows] == ["Red."]
        assert "is not in it yet" in capsys.readouterr().err
    history = shell.magics_manager.registry["HistoryMagics"]._history
    in_file(history)
    table = shell.run("%complete_history")

    assert [row[-1] for row in table.rows] == ["Green.", "Blue.", "Red."]
    assert capsys.readouterr().err.count("can be written again") == 1
    assert len(loopback.requests) == 3


def test_what_cannot_be_read_is_one_line_soon(history):
    keep(history, "before")
    history.close()
    with locked(history.path, WHOLLY):
        start = time.monotonic()
        with pytest.raises(HistoryError, match="is locked by another program"):
            history.search()
        assert time.monotonic() - start < LONG / 4


def test_ctrl_c_ends_a_read_that_waits(history, monkeypatch):
    keep(history, "before")
    history.close()
    monkeypatch.setattr("jupyter_complete.history.store.PATIENCE_SECONDS", LONG)
    with locked(history.path, WHOLLY):
        pressed = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        pressed.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            history._file.do(lambda _: None, patience=LONG)
        assert time.monotonic() - start < LONG / 2
        pressed.join()


FOR_EVER = """
    import itertools, time
    for number in itertools.count():
        entry = history.begin(request, endpoint="e", dialect="text")
        history.update(entry, f"part of {number}")
        history.finish(entry, Completion(f"{sys.argv[2]} {number}", request))
        if entry.kept:
            os.write(1, f"{sys.argv[2]} {number}\\n".encode())
"""


@pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
def test_a_kernel_killed_at_any_moment_loses_nothing_that_was_kept(history, lock):
    keep(history, "before")
    history.close()
    chance = random.Random(11)
    told = []
    for run in range(8):
        with locked(history.path) if lock else contextlib.nullcontext():
            kernel = python(FOR_EVER, history.path, f"run {run}")
            told.append(kernel.stdout.readline())
            while told[-1].startswith("The history"):
                told[-1] = kernel.stdout.readline()
            time.sleep(chance.uniform(0, 0.05))
            kernel.send_signal(signal.SIGKILL)
            told += kernel.communicate()[0].splitlines(keepends=True)

    told = [
        line.strip() for line in told if line.startswith("run") and line[-1] == "\n"
    ]
    rows = history.search(n=None)
    whole = [row.completion.text for row in rows if row.status == "complete"]
    assert len(told) > 8
    assert set(told) <= set(whole)
    assert len(whole) == len(set(whole))
    assert not spills(history)


def test_a_torn_line_costs_no_other(history):
    keep(history, "before")
    with locked(history.path):
        kernel = python(
            """
            entry = keep("whole")
            while not entry.kept:
                time.sleep(0.01)
            os.kill(os.getpid(), 9)
            """,
            history.path,
        )
        kernel.communicate()
        (spill,) = spills(history)
        with spill.open("ab") as file:
            file.write(b'\xff\n{"key": 1, "row": {}}\n{"key": 3, "ro')
    assert history.recover() == 0

    assert texts(history) == ["before", "whole"]
    assert not spill.exists()


def test_a_process_that_ends_has_its_completions_written(history):
    for _ in range(5):
        kernel = python("keep('Red.')", history.path)
        assert kernel.communicate()[0] == ""

    assert texts(history) == ["Red."] * 5


def test_two_kernels_under_a_lock_share_no_file(history):
    keep(history, "before")
    with locked(history.path):
        kernels = [
            python("keep(sys.argv[2]); sys.stdin.readline()", history.path, name)
            for name in ("first", "second")
        ]
        for kernel in kernels:
            assert "is locked" in kernel.stdout.readline()
        assert len(spills(history)) == 2
    for kernel in kernels:
        kernel.communicate("\n")

    assert texts(history) == ["before", "first", "second"]


def test_a_forked_child_leaves_to_its_parent_what_waits(history):
    keep(history, "before")
    with locked(history.path):
        until_kept(keep(history, "of the parent"))
        child = os.fork()
        if not child:  # pragma: no cover - the child's own
            until_kept(keep(history, "of the child"))
            os._exit(0)
        os.waitpid(child, 0)
        assert len(spills(history)) == 2
    in_file(history)
    history.recover()

    assert texts(history) == ["before", "of the child", "of the parent"]


NO_LOCKS = """
    #include <errno.h>
    #include <stdarg.h>
    #include <fcntl.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    static int call(int file, int what, long with) {
        if (what == F_SETLK || what == F_SETLKW || what == F_GETLK) {
            errno = ERROR;
            return -1;
        }
        return syscall(SYS_fcntl, file, what, with);
    }
    #define DEFINE(name) int name(int file, int what, ...) { va_list rest; \\
        va_start(rest, what); long with = va_arg(rest, long); va_end(rest); \\
        return call(file, what, with); }
    DEFINE(fcntl)
    DEFINE(fcntl64)
"""


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler")
def test_a_file_system_without_locks_is_in_nobodys_way(history, tmp_path, error):
    source, shim = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(textwrap.dedent(NO_LOCKS))
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-DERROR={error}", "-o", shim, source], check=True
    )
    keep(history, "before")
    history.close()
    code = """
        import time
        start = time.monotonic()
        entries = [keep(f"answer {number}") for number in range(20)]
        print(time.monotonic() - start < 20 * 2, all(one.kept for one in entries))
    """
    kernel = python(code, history.path, env={**os.environ, "LD_PRELOAD": str(shim)})
    told = kernel.communicate()[0].splitlines()

    assert told[-1] == "True True"
    assert len(told) == 2
    assert "is kept in" in told[0]
    assert texts(history) == sorted(["before", *(f"answer {n}" for n in range(20))])


def test_a_full_queue_refuses_at_once_and_says_so(history, monkeypatch):
    keep(history, "before")
    monkeypatch.setattr(queue, "MOST_BYTES", 30_000)
    with locked(history.path):
        entries = [keep(history, "x" * 2_000) for _ in range(40)]
        assert all(entry.kept for entry in entries)  # the spill file has them
        spilled = history._writer._spill
        monkeypatch.setattr(type(spilled), "append", _no_room)
        refused = [keep(history, "y" * 2_000) for _ in range(10)]
        assert not any(entry.kept for entry in refused)
    in_file(history)

    assert texts(history).count("x" * 2_000) == 40


def _no_room(*_):
    raise OSError(28, "No space left on device")


def test_what_no_file_could_hold_holds_nothing_else_up(history, warnings):
    impossible = history.begin(RED, endpoint="e", dialect="text")
    history.finish(impossible, Completion("Red.", RED, http_status=2**70))
    others = [keep(history, text) for text in ("Blue.", "Green.")]
    in_file(history)

    assert not impossible.kept
    assert all(entry.kept for entry in others)
    assert {"Blue.", "Green."} <= set(texts(history))
    assert len(warnings) == 1
    assert "A completion is not stored" in warnings[0]


# 2. Told at each change, and marked where it is not stored.


def test_each_change_is_told(history, warnings):
    keep(history, "before")
    for _ in range(3):
        with locked(history.path):
            keep(history, "Red.")
        in_file(history)

    assert ["is locked" in line for line in warnings] == [True, False] * 3
    assert ["written again" in line for line in warnings] == [False, True] * 3
    assert len(texts(history)) == 4


def test_a_card_that_is_not_stored_says_so(shell, loopback, capsys):
    directory = Path(shell.profile_dir.location)
    shutil.rmtree(directory)
    directory.write_text("a file where the directory should be")
    line = f"%complete --endpoint {loopback.url} --dialect text -m m --turns raw"
    for text in ("Red.", "Blue."):
        loopback.reply(events(text))
        shell.run(f"{line} Name a colour.")
        assert "Note: Not stored" in capsys.readouterr().out
        assert shell.user_ns["_completion"].text == text
        assert shell.user_ns["_completion"].history_id is None
    directory.unlink()
    history = shell.magics_manager.registry["HistoryMagics"]._history
    in_file(history)
    loopback.reply(events("Green."))
    shell.run(f"{line} Name a colour.")

    told = capsys.readouterr()
    assert "Not stored" not in told.out
    assert "written again" in told.err
    assert shell.user_ns["_completion"].history_id == 3


# 3. Damage costs what it hits, and says so.


def filled(history, count=100):
    """Store completions of several prompts, endpoints and lengths; give their texts."""
    stored = {}
    for number in range(count):
        request = replace(RED, prompt=f"Name colour {number % 20}.", temperature=0.5)
        entry = history.begin(
            request,
            endpoint=f"e{number % 3}",
            dialect="text",
            source=f"%%complete\nName colour {number % 20}.",
            sweep="s" if number % 2 else None,
            point={"number": number},
        )
        text = f"answer {number} " * (3_000 if number % 10 == 0 else 10)
        history.finish(entry, Completion(text, request, raw={"id": f"compl_{number}"}))
        stored[text] = request
    in_file(history)
    return stored


def bytes_altered(data, chance):
    for _ in range(chance.choice([1, 16, 200])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def first_page_altered(data, chance):
    place = chance.choice([0, 16, 100, chance.randrange(8_192)])
    data[place : place + 16] = chance.randbytes(16)


def a_stretch_is_noughts(data, chance):
    place = chance.randrange(len(data))
    length = min(chance.choice([100, 8_192, 50_000]), len(data) - place)
    data[place : place + length] = bytes(length)


def a_stretch_is_noise(data, chance):
    place = chance.randrange(len(data))
    length = min(chance.choice([16, 500, 20_000]), len(data) - place)
    data[place : place + length] = chance.randbytes(length)


def cut(data, chance):
    del data[chance.randrange(1, len(data)) :]


def schema_altered(data, chance):
    place = data.index(chance.choice([b"CREATE TABLE run", b"tablerequest", b"text"]))
    data[place + 7] ^= 1


DAMAGE = (
    bytes_altered,
    first_page_altered,
    a_stretch_is_noughts,
    a_stretch_is_noise,
    cut,
    schema_altered,
)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_gives_what_is_whole_and_no_raw_error(
    tmp_path, monkeypatch, damage
):
    original = History(tmp_path / "original.sqlite", warn=pytest.fail)
    stored = filled(original)
    original.close()
    whole = original.path.read_bytes()
    for seed in range(4):
        data = bytearray(whole)
        damage(data, random.Random(seed))
        path = tmp_path / f"{seed}.sqlite"
        path.write_bytes(data)
        told = []
        with contextlib.closing(History(path, warn=told.append)) as history:
            found = {}
            with contextlib.suppress(HistoryError):
                found = {row.completion.text: row for row in history.search(n=None)}
            for text, row in found.items():
                # Nothing that was altered is given as if it were whole.
                assert (
                    row.status != "complete" or row.completion.request == stored[text]
                )
                assert row.status != "complete" or row.completion.raw
            assert len(found) == len(stored) or told
            fresh = keep(history, "afterwards")
            in_file(history)
            assert fresh.kept
            assert history.get(fresh.number).text == "afterwards"


def test_the_figures_of_rescue_are_told(history, warnings):
    stored = filled(history)
    history.close()
    data = bytearray(history.path.read_bytes())
    data[:8192] = bytes(8192)
    history.path.write_bytes(data)
    found = {row.completion.text for row in history.search(n=None)}

    assert found == {*stored}
    assert ["taken into a new one" in line for line in warnings] == [True, False]
    assert "100 completions are in the new one; 0 others" in warnings[1]


def test_what_was_only_in_the_log_is_rescued(history, tmp_path, warnings):
    code = """
        keep("checkpointed")
        history.close()
        keep("in the log")
        os.kill(os.getpid(), 9)
    """
    python(code, history.path).communicate()
    assert history.path.with_name("h.sqlite-wal").stat().st_size
    data = bytearray(history.path.read_bytes())
    data[:16] = bytes(16)
    history.path.write_bytes(data)

    assert texts(history) == ["checkpointed", "in the log"]


@contextlib.contextmanager
def looked_into(history):
    """Return a connection of our own to the file."""
    history.close()
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        yield connection
        connection.commit()


ALTERED = [
    "UPDATE text SET body = 'Rad.' WHERE body = 'Red.'",
    "UPDATE text SET body = x'ff00' WHERE body = 'Red.'",
    "UPDATE text SET body = 7 WHERE body = 'Red.'",
    "UPDATE run SET text = (SELECT id FROM text WHERE body = 'Blue.') WHERE id = 1",
    "UPDATE run SET text = 999 WHERE id = 1",
    "UPDATE run SET request = 999 WHERE id = 1",
    "UPDATE run SET created = 'yesterday' WHERE id = 1",
    "UPDATE run SET sample = 3 WHERE id = 1",
    "UPDATE run SET sum = NULL WHERE id = 1",
    "UPDATE run SET detail = x'00ff' WHERE id = 1",
    "UPDATE run SET stop_reason = 'max_tokens' WHERE id = 1",
    "UPDATE run SET point = '{' WHERE id = 1",
]


@pytest.mark.parametrize("altered", ALTERED)
def test_one_damaged_row_costs_itself_and_says_so(history, warnings, altered):
    keep(history, "Red.", sweep="s")
    keep(history, "Blue.", sweep="s", sample=1)
    in_file(history)
    with looked_into(history) as connection:
        assert connection.execute(altered).rowcount == 1

    assert texts(history) == ["Blue."]
    assert [row.completion.text for row in history.answers("s")] == ["Blue."]
    assert "left out: 1; to delete them: %complete_history --delete 1" in warnings[0]
    with pytest.raises(HistoryError, match="completion 1 is damaged"):
        history.get(1)
    assert history.delete([1]) == 1
    assert texts(history) == ["Blue."]
    assert [row.id for row in history.search("blue")] == [2]


def test_a_damaged_text_is_mended_when_it_comes_again(history):
    keep(history, "Red.")
    in_file(history)
    with looked_into(history) as connection:
        connection.execute("UPDATE text SET body = 'nothing of it'")
        connection.execute("UPDATE request SET parameters = '{}'")
    keep(history, "Red.")
    in_file(history)

    assert texts(history) == ["Red.", "Red."]


def test_a_sweep_asks_only_for_the_damaged_answer(shell, loopback):
    loopback.choose = slowly(0)
    cell = (
        f"%%complete --endpoint {loopback.url} --dialect text -m m --turns raw "
        "--sweep number=1,2,3,4,5\nSay {{number}}."
    )
    shell.run(cell)
    history = shell.magics_manager.registry["HistoryMagics"]._history
    with looked_into(history) as connection:
        connection.execute("UPDATE text SET body = 'x' WHERE body = '[Say 3.]'")
    shell.run(cell)

    asked = [request.json["prompt"] for request in loopback.requests]
    assert asked[5:] == ["Say 3."]


# 4. One sweep, several kernels.

SWEEP = """
    import os, sys, threading
    from pathlib import Path
    from jupyter_complete.session import Session
    from jupyter_complete.settings import CompletionSettings
    from jupyter_complete.sweeps.points import Axis
    settings = CompletionSettings(
        endpoint=sys.argv[2], dialect="text", model="m", turns="raw", concurrency=3
    )
    session = Session.opened(settings, Path(sys.argv[1]), None)
    axis = Axis(("number",), tuple((str(number),) for number in range(30)))
    plan = session.plan_sweep("Say {{number}}.", [axis], {})
    print("ready", flush=True)
    sys.stdin.readline()
    done = session.sweep(plan)
    texts = (row.completion.text for row in done.rows if row.completion)
    print(done.interrupted, *texts, flush=True)
    session.close()
"""


def slowly(seconds):
    """Return what answers each request with its own prompt, after a while."""

    def choose(request):
        time.sleep(seconds)
        return [*events(f"[{request.json['prompt']}]")], 200

    return choose


@contextlib.contextmanager
def sweeping(directory, loopback, count):
    """Start kernels that sweep when they are told to."""
    kernels = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                textwrap.dedent(SWEEP),
                str(directory),
                loopback.url,
            ],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for kernel in kernels:
        assert kernel.stdout.readline() == "ready\n"
    for kernel in kernels:
        kernel.stdin.write("\n")
        kernel.stdin.flush()
    try:
        yield kernels
    finally:
        for kernel in kernels:
            kernel.kill()
            kernel.communicate()


ALL = " ".join(["False", *(f"[Say {number}.]" for number in range(30))]) + "\n"


@pytest.mark.parametrize("count", [2, 3])
def test_kernels_that_run_one_sweep_share_its_calls(tmp_path, loopback, count):
    loopback.choose = slowly(0.03)
    with sweeping(tmp_path, loopback, count) as kernels:
        assert [kernel.stdout.readline() for kernel in kernels] == [ALL] * count

    assert len(loopback.requests) == 30
    assert len({request.body for request in loopback.requests}) == 30


def test_the_calls_of_a_killed_kernel_are_taken_over(tmp_path, loopback):
    loopback.choose = slowly(0.1)
    with sweeping(tmp_path, loopback, 3) as kernels:
        while len(loopback.requests) < 12:
            time.sleep(0.01)
        kernels[0].kill()
        assert [kernel.stdout.readline() for kernel in kernels[1:]] == [ALL] * 2

    assert 30 <= len(loopback.requests) <= 30 + 3  # what it had in flight


def test_the_calls_of_a_kernel_that_was_stopped_are_free(tmp_path, loopback):
    loopback.choose = slowly(0.1)
    with sweeping(tmp_path, loopback, 2) as kernels:
        while len(loopback.requests) < 8:
            time.sleep(0.01)
        kernels[0].send_signal(signal.SIGINT)
        assert kernels[0].stdout.readline().startswith("True")
        assert kernels[1].stdout.readline() == ALL
        assert kernels[0].poll() is None or kernels[0].returncode == 0

    assert 30 <= len(loopback.requests) <= 30 + 3


def test_a_sweep_under_a_lock_goes_on_without_claims(tmp_path, loopback):
    loopback.choose = slowly(0)
    History(tmp_path / "completions.sqlite", warn=pytest.fail).recover()
    with (
        locked(tmp_path / "completions.sqlite"),
        sweeping(tmp_path, loopback, 1) as (kernel,),
    ):
        assert kernel.stdout.readline() == ALL

    assert len(loopback.requests) == 30
