"""Run the OpenAI dialect against a real llama.cpp with a tiny random model.

    python tests/servers/llama_cpp.py [--python INTERPRETER]

INTERPRETER has llama-cpp-python[server] and gguf; left out, it is this one. The model
is written here: 1 layer, 32 dimensions, random weights, no download. Exits with 0
when all held or the server cannot run here (it says why), with 1 when something did
not hold.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONTEXT = 256
MODEL = "tiny"
START_SECONDS = 60


def write_model(path: str) -> None:
    """Write a model of the llama architecture. Needs gguf and numpy."""
    import gguf
    import numpy as np

    words = [f"\u2581{a}{b}" for a in "bcdfgklmnprst" for b in "aeiou"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * len(words)
    tokens += words
    size, wide, heads = 32, 64, 2
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(size)
    writer.add_block_count(1)
    writer.add_feed_forward_length(wide)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(size // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(n) for n in range(len(words))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    random = np.random.default_rng(7)

    def tensor(name: str, *shape: int, scale: float = 0.3) -> None:
        numbers = random.normal(0, scale, shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", numbers)

    tensor("token_embd", len(tokens), size, scale=1)
    for name, *shape in (
        ("attn_q", size, size),
        ("attn_k", size, size),
        ("attn_v", size, size),
        ("attn_output", size, size),
        ("ffn_gate", wide, size),
        ("ffn_up", wide, size),
        ("ffn_down", size, wide),
    ):
        tensor(f"blk.0.{name}", *shape)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(size, dtype=np.float32))
    # Nothing but words comes out: the rest never gets the highest score.
    output = random.normal(0, 0.6, (len(tokens), size)).astype(np.float32)
    output[:259] = 0
    writer.add_tensor("output.weight", output)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def missing(python: str) -> str | None:
    """Tell why the server cannot run, None if it can."""
    try:
        check = subprocess.run(
            [python, "-c", "import gguf, llama_cpp.server.app"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tempfile.gettempdir(),
        )
    except OSError as error:
        return str(error)
    return None if check.returncode == 0 else check.stderr.strip().splitlines()[-1]


class Checks:
    """What should hold of a real server, each a line that begins with ok or FAILED."""

    def __init__(self, client, url: str) -> None:
        from jupyter_complete.catalog import CATALOG
        from jupyter_complete.catalog.endpoints import choose, speaking
        from jupyter_complete.catalog.listing import PATH
        from jupyter_complete.dialects import dialect_named, recognise
        from jupyter_complete.dialects.discovery import DiscoveryDialect

        self.lines: list[str] = []
        self.client = client
        unknown, known = choose(CATALOG, MODEL, endpoint=url)
        page, headers = client.get_json(unknown, PATH, dialect=DiscoveryDialect())
        endpoint, _ = speaking(unknown, known, recognise(page, headers))
        self.endpoint = endpoint
        self.dialect = dialect_named(endpoint.dialect, endpoint)
        self.hold(endpoint.flavour == "llamacpp", f"recognised: {endpoint}")

    def hold(self, good: object, what: str) -> None:
        """Note whether something held."""
        self.lines.append(f"{'ok' if good else 'FAILED'}: {what}")

    def ask(self, prompt=" ba be bi", tokens=12, *, stream=True, **fields):
        """Return an answer's text, how it ended, and its chunks."""
        from jupyter_complete.request import CompletionRequest

        request = CompletionRequest(MODEL, prompt, tokens, **fields)
        with self.client.send(
            request, self.endpoint, self.dialect, stream=stream
        ) as answer:
            chunks = list(answer)
        text = "".join(chunk.text for chunk in chunks)
        ends = [(c.stop_reason, c.stop) for c in chunks if c.stop_reason]
        return text, ends, chunks

    def answers(self) -> str:
        """Check whole answers and streams; give the likeliest text."""
        whole, ends, chunks = self.ask(stream=False, temperature=0)
        self.hold(whole, f"a whole answer: {whole!r}")
        self.hold(ends == [("max_tokens", None)], f"it ends by {ends}")
        usage = [chunk.usage for chunk in chunks if chunk.usage]
        self.hold(usage and usage[-1].output_tokens == 12, f"its usage is {usage}")
        streamed, ends, chunks = self.ask(temperature=0)
        self.hold(streamed == whole, "the stream is the same text")
        self.hold(ends == [("max_tokens", None)], f"the stream ends by {ends}")
        count = len([chunk for chunk in chunks if chunk.text])
        self.hold(count > 3, f"it comes in {count} pieces of text")
        return whole

    def parameters(self, whole: str) -> None:
        """Check that each parameter does what it says."""
        likeliest = self.ask(temperature=1, top_k=1)[0]
        self.hold(likeliest == whole, "top_k 1 is the likeliest text")
        word = whole.split()[2]
        for stream in (True, False):
            stopped, ends, _ = self.ask(
                stream=stream, temperature=0, stop_sequences=(word,)
            )
            before = whole.partition(word)[0]
            self.hold(stopped == before, f"stop {word!r} gives {stopped!r}")
            self.hold(ends and ends[0][0] == "stop_sequence", f"and ends by {ends}")
        twice = [self.ask(temperature=1, seed=7)[0] for _ in range(2)]
        other = self.ask(temperature=1, seed=8)[0]
        self.hold(twice[0] == twice[1] != other, f"a seed repeats {twice[0]!r}")
        self.hold(self.ask(temperature=2, top_p=0.9)[0], "temperature 2 is taken")
        likely = self.ask(stream=False, temperature=0, logprobs=3)[2]
        tokens = [token for chunk in likely for token in chunk.logprobs]
        self.hold(len(tokens) == 12, f"log-probabilities of {len(tokens)} tokens")
        enough = all(len(token.alternatives) >= 3 for token in tokens)
        self.hold(enough, f"such as {tokens[:1]}")
        text = "".join(token.token for token in tokens)
        self.hold(text == whole, "the tokens' text is the text")

    def errors(self) -> None:
        """Check that a prompt that is too long is an error, in one line."""
        from jupyter_complete.errors import CompleteError

        for stream in (True, False):
            error = None
            try:
                self.ask(" ba" * 400, stream=stream)
            except CompleteError as caught:
                error = caught
            kind = type(error).__name__
            self.hold(error, f"a prompt too long, stream={stream}: {kind}: {error}")


def check_all(url: str) -> list[str]:
    """Return the lines of all checks."""
    from jupyter_complete.client import Client

    with Client(lambda _: None) as client:
        checks = Checks(client, url)
        checks.parameters(checks.answers())
        checks.errors()
    return checks.lines


def serve(python: str, model: str, port: int) -> subprocess.Popen[bytes]:
    """Start the server."""
    named = {"--model": model, "--model_alias": MODEL, "--host": "127.0.0.1"}
    named |= {"--port": str(port), "--n_ctx": str(CONTEXT), "--logits_all": "true"}
    arguments = [part for pair in named.items() for part in pair]
    with (Path(model).parent / "log").open("wb") as log:
        return subprocess.Popen(
            [python, "-m", "llama_cpp.server", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(model).parent,
        )


def wait_until_up(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it takes a connection; False if it ended, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def main() -> int:
    """Write the model, start the server, check, stop it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--write-model", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.write_model:
        write_model(flags.write_model)
        return 0
    if reason := missing(flags.python):
        sys.stdout.write(f"skipped: {reason}\n")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        model = str(Path(directory) / "tiny.gguf")
        subprocess.run([flags.python, __file__, "--write-model", model], check=True)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        with serve(flags.python, model, port) as server:
            try:
                if not wait_until_up(server, port):
                    log = (Path(directory) / "log").read_text(errors="replace")
                    sys.stdout.write(
                        f"FAILED: the server did not start:\n{log[-2000:]}"
                    )
                    return 1
                lines = check_all(f"http://127.0.0.1:{port}")
            finally:
                server.terminate()
    sys.stdout.write("\n".join([*lines, ""]))
    return int(any(line.startswith("FAILED") for line in lines))


if __name__ == "__main__":
    raise SystemExit(main())
