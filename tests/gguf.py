"""Writes GGUF files: a tiny random model that engines load, and broken ones."""

import random
import struct

_TYPES = {int: 4, float: 6, bool: 7, str: 8, list: 9}
F32, Q4_1 = 0, 3


def text(value):
    """Return a string as it stands in a file."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def value(of):
    """Return a value with its type as it stands in a file; bytes are written as is."""
    if isinstance(of, bytes):
        return of
    return struct.pack("<I", _TYPES[type(of)]) + _bare(of)


def _bare(of):
    if isinstance(of, str):
        return text(of)
    if isinstance(of, list):
        kind = struct.pack("<IQ", _TYPES[type(of[0])], len(of))
        return kind + b"".join(map(_bare, of))
    return struct.pack({int: "<I", float: "<f", bool: "<?"}[type(of)], of)


def _signed(numbers):
    head = struct.pack("<IIQ", 9, 5, len(numbers))
    return head + struct.pack(f"<{len(numbers)}i", *numbers)


def gguf(entries, tensors=(), *, version=3, counts=None, alignment=32):
    """Return a file of entries by key, and of tensors: name, dimensions, type, data.

    ``counts`` stands in place of the number of tensors and of entries.
    """
    head = b"GGUF" + struct.pack("<I", version)
    head += struct.pack("<QQ", *(counts or (len(tensors), len(entries))))
    head += b"".join(text(key) + value(of) for key, of in entries.items())
    body = b""
    for name, dimensions, kind, data in tensors:
        head += text(name) + struct.pack("<I", len(dimensions))
        head += struct.pack(f"<{len(dimensions)}Q", *dimensions)
        head += struct.pack("<IQ", kind, len(body))
        body += data + bytes(-len(data) % alignment)
    return head + bytes(-len(head) % alignment) + body


def tiny_llama(*, seed=0, context=256, name="Tiny", layers=2, more=None):
    """Return a random llama of 32 dimensions that knows bytes alone, as a file.

    ``more`` are entries that are added, or stand in place of its own.
    """
    chance = random.Random(seed)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    width, inner, heads = 32, 64, 2

    def tensor(name, *dimensions):
        count = 1
        for length in dimensions:
            count *= length
        flat = [1.0] * count if "norm" in name else None
        data = flat or [chance.gauss(0, 0.3) for _ in range(count)]
        return name, dimensions, F32, struct.pack(f"<{count}f", *data)

    shapes = {
        "attn_norm": (width,),
        "attn_q": (width, width),
        "attn_k": (width, width),
        "attn_v": (width, width),
        "attn_output": (width, width),
        "ffn_norm": (width,),
        "ffn_gate": (width, inner),
        "ffn_up": (width, inner),
        "ffn_down": (inner, width),
    }
    entries = {
        "general.architecture": "llama",
        "general.name": name,
        "general.file_type": 0,
        "llama.context_length": context,
        "llama.embedding_length": width,
        "llama.block_count": layers,
        "llama.feed_forward_length": inner,
        "llama.rope.dimension_count": width // heads,
        "llama.attention.head_count": heads,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": _signed([2, 3, 3, *[6] * 256]),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        **(more or {}),
    }
    return gguf(
        entries,
        [
            tensor("token_embd.weight", width, len(tokens)),
            *(
                tensor(f"blk.{layer}.{part}.weight", *shape)
                for layer in range(layers)
                for part, shape in shapes.items()
            ),
            tensor("output_norm.weight", width),
            tensor("output.weight", width, len(tokens)),
        ],
    )
