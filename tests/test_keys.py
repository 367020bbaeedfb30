"""Where keys are found, and where they never go."""

import io
import pickle
import threading

import keyring
import pytest
from keyring.backend import KeyringBackend

from jupyter_complete.catalog import CATALOG
from jupyter_complete.catalog.endpoints import choose
from jupyter_complete.cli import main
from jupyter_complete.endpoint import Endpoint
from jupyter_complete.errors import CredentialError
from jupyter_complete.keys import (
    Keys,
    delete_key,
    list_keys,
    refuse_key,
    set_key,
)
from jupyter_complete.redaction import looks_like_key

ANTHROPIC = CATALOG.endpoint("anthropic")
VLLM = CATALOG.endpoint("vllm")
KEY = "sk-ant-api03-" + "aB3_" * 12


class Ring(KeyringBackend):
    """A keyring that keeps its passwords in memory."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.asked = 0

    def get_password(self, service, username):
        self.asked += 1
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Broken(Ring):
    """A keyring whose service does not answer."""

    def get_password(self, *_):
        raise RuntimeError("no D-Bus " + KEY)

    set_password = get_password


@pytest.fixture
def use():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def ring(use):
    ring = Ring()
    use(ring)
    return ring


def never(question):
    raise AssertionError(f"asked: {question}")


def test_the_environment_comes_first_and_is_read_at_use(ring):
    set_key(ANTHROPIC, "stored")
    environ = {}
    keys = Keys(never, environ=environ)

    assert keys(ANTHROPIC) == "stored"
    environ["ANTHROPIC_API_KEY"] = "now"
    assert keys(ANTHROPIC) == "now"


def test_the_process_environment_is_the_default(ring, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "mine")

    assert Keys()(ANTHROPIC) == "mine"


def test_without_a_key_the_user_is_asked_once(ring):
    questions = []

    def ask(question):
        questions.append(question)
        return f" {KEY}\n"

    keys = Keys(ask, environ={})

    assert [keys(ANTHROPIC), keys(ANTHROPIC)] == [KEY, KEY]
    assert questions == ["Key for anthropic at api.anthropic.com (hidden): "]


def test_a_forgotten_key_is_asked_for_again(ring):
    answers = iter(["wrong", "right"])
    keys = Keys(lambda _: next(answers), environ={})

    assert keys(ANTHROPIC) == "wrong"
    keys.forget(ANTHROPIC)
    assert keys(ANTHROPIC) == "right"


@pytest.mark.parametrize("error", [EOFError, NotImplementedError, OSError])
def test_a_front_end_that_cannot_ask_has_no_key(ring, error):
    def ask(_):
        raise error

    assert Keys(ask, environ={})(ANTHROPIC) is None


def test_an_interrupted_question_is_an_interrupt(ring):
    def ask(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Keys(ask, environ={})(ANTHROPIC)


def test_nobody_is_asked_where_no_key_is_required(ring):
    assert Keys(never, environ={})(VLLM) is None
    assert Keys(never, environ={})(CATALOG.endpoint("embedded")) is None


def test_nobody_is_asked_from_a_worker_thread(ring):
    found = []
    keys = Keys(never, environ={})
    thread = threading.Thread(target=lambda: found.append(keys(ANTHROPIC)))
    thread.start()
    thread.join()

    assert found == [None]


def test_a_pickled_finder_holds_no_key_and_asks_nobody(ring, monkeypatch):
    keys = Keys(lambda _: KEY, environ={"ANTHROPIC_API_KEY": "other"})
    keys(ANTHROPIC)

    dumped = pickle.dumps(keys)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "worker's own")

    assert KEY.encode() not in dumped
    assert b"other" not in dumped
    assert pickle.loads(dumped)(ANTHROPIC) == "worker's own"


def test_no_repr_shows_a_key(ring):
    keys = Keys(lambda _: KEY, environ={"OPENAI_API_KEY": KEY})
    keys(ANTHROPIC)

    assert KEY not in repr(keys)


def test_a_stored_key_is_for_its_own_origin_alone(ring):
    set_key(ANTHROPIC, KEY)
    elsewhere = Endpoint("anthropic", "https://elsewhere.example", "messages")
    in_the_clear = Endpoint("anthropic", "http://api.anthropic.com", "messages")
    keys = Keys(environ={})

    assert keys(ANTHROPIC) == KEY
    assert keys(elsewhere) is None
    assert keys(in_the_clear) is None


def test_one_endpoint_does_not_get_the_key_of_another(ring):
    keys = Keys(environ={"ANTHROPIC_API_KEY": KEY})

    assert keys(CATALOG.endpoint("openai")) is None


def test_the_keyring_is_asked_once_for_an_endpoint_that_needs_no_key(ring):
    keys = Keys(environ={})
    keys(VLLM)
    keys(VLLM)

    assert ring.asked == 1


def test_a_key_stored_meanwhile_is_found(ring):
    keys = Keys(environ={})
    assert keys(ANTHROPIC) is None

    set_key(ANTHROPIC, KEY)

    assert keys(ANTHROPIC) == KEY


def test_a_broken_keyring_is_silent_in_looking_and_speaks_in_storing(use):
    use(Broken())

    assert Keys(environ={})(ANTHROPIC) is None
    with pytest.raises(CredentialError, match=r"keyring failed.*not stored") as caught:
        set_key(ANTHROPIC, KEY)
    with pytest.raises(CredentialError, match="not deleted"):
        delete_key(ANTHROPIC)
    assert KEY not in str(caught.value)


def test_a_missing_keyring_is_silent_in_looking_and_speaks_in_storing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)

    assert Keys(environ={})(ANTHROPIC) is None
    with pytest.raises(CredentialError, match=r"pip install jupyter-complete\[keyring"):
        set_key(ANTHROPIC, KEY)


def test_keys_are_stored_listed_and_deleted(ring):
    set_key(ANTHROPIC, KEY)
    environ = {"OPENAI_API_KEY": KEY}
    sources = {
        key.endpoint: (key.host, key.source)
        for key in list_keys(CATALOG.endpoints, environ)
    }

    assert sources["anthropic"] == ("api.anthropic.com", "keyring")
    assert sources["openai"] == ("api.openai.com", "environment: OPENAI_API_KEY")
    assert sources["vllm"] == ("localhost:8000", None)
    assert "embedded" not in sources
    assert KEY not in str(sources)
    assert delete_key(ANTHROPIC) is True
    assert delete_key(ANTHROPIC) is False


@pytest.mark.parametrize("key", ["", " ", "two words", "né", "two\nlines"])
def test_what_is_no_key_is_not_stored(ring, key):
    with pytest.raises(CredentialError, match="That is no key"):
        set_key(ANTHROPIC, key)
    assert ring.kept == {}


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "sk-" + "a1B2" * 12,
        "sk-proj-" + "a1_-" * 20,
        "sk-or-v1-" + "0af9" * 16,
    ],
)
def test_a_key_in_a_cell_is_refused_and_not_repeated(key):
    assert looks_like_key(f'api_key = "{key}"')
    with pytest.raises(CredentialError, match=r"looks like an API key") as caught:
        refuse_key(f"Use {key}, please.")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-is-a-library-for-machine-learning-in-python",
        "What does a key like sk-ant-... or sk-… look like?",
        "sk-ant-your-own-key-goes-here",
        "desk-" + "a1" * 30,
        "sk-12345",
    ],
)
def test_what_only_resembles_a_key_passes(text):
    assert not looks_like_key(text)
    refuse_key(text)


# The command line


@pytest.fixture
def command(ring, capsys, monkeypatch):
    def run(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(["key", *arguments])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, out + err

    return run


def test_the_command_line_stores_what_the_notebook_finds(command):
    code, said = command("set", "anthropic", typed=f"{KEY}\n")

    assert (code, said) == (0, "The key of anthropic is stored.\n")
    assert Keys(environ={})(ANTHROPIC) == KEY
    assert "anthropic    api.anthropic.com        keyring" in command("list")[1]
    assert command("delete", "anthropic") == (0, "The key of anthropic is deleted.\n")
    assert command("delete", "anthropic")[0] == 1


def test_the_command_line_stores_for_a_url_and_for_an_endpoint_of_the_settings(command):
    command("set", "http://gpu:8000/v1", typed=KEY)
    command("set", "lab", "--url", "https://lab.example", typed=KEY)
    keys = Keys(environ={})

    assert keys(choose(CATALOG, "m", endpoint="gpu:8000")[0]) == KEY
    own = {"lab": {"url": "https://lab.example/v1", "dialect": "openai"}}
    assert keys(choose(CATALOG, "m", endpoint="lab", own=own)[0]) == KEY


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("set", "embedded"), "needs no key"),
        (("set", "local"), "needs no key"),
        (("set", "antropic"), "choose from embedded, local, anthropic"),
        (("set", "anthropic"), "That is no key"),
    ],
)
def test_the_command_line_says_what_is_wrong(command, arguments, fault):
    code, said = command(*arguments)

    assert code == 2
    assert fault in said
