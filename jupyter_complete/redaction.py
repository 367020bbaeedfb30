"""What must not be shown: what looks like a key, and what is secret in a URL."""

from __future__ import annotations

import re

HIDDEN = "[key]"

_KEY = re.compile(
    r"(?<![\w-])(?:"
    r"sk-ant-(?=[\w-]*\d)[\w-]{16,}"  # Anthropic
    r"|sk-(?:proj|svcacct|admin|or-v1)-(?=[\w-]*\d)[\w-]{16,}"  # OpenAI, OpenRouter
    r"|sk-(?=[A-Za-z]*\d)[A-Za-z0-9]{32,}"  # OpenAI's older ones, and its imitators
    r"|(?:gsk_|xai-|pplx-|hf_|r8_|fw_|csk-)(?=[A-Za-z]*\d)[A-Za-z0-9]{30,}"
    r"|tgp_v1_(?=[\w-]*\d)[\w-]{30,}"  # Together
    r"|nvapi-(?=[\w-]*\d)[\w-]{40,}"
    r"|AIza(?=[\w-]*\d)[\w-]{35}(?![\w-])"  # Google
    r"|AKIA(?=[A-Z]*\d)[A-Z0-9]{16}(?![A-Z0-9])"  # Amazon
    r"|gh[opsu]_(?=[A-Za-z]*\d)[A-Za-z0-9]{36,}|github_pat_\w{40,}"
    r")"
)
_USER = re.compile(r"(?<=://)[^\s/?#'\"]*@")
_PARAMETER = re.compile(
    r"(?i)([?&;](?:[\w.-]*(?:key|token|secret|password|passwd|auth|signature|sig|pwd))="
    r")[^\s&;#'\"]+"
)


def looks_like_key(text: str) -> bool:
    """Tell whether the text holds what looks like an API key."""
    return _KEY.search(text) is not None


def without_secrets(text: str) -> str:
    """Return the text without what looks like a key or is secret in a URL."""
    text = _KEY.sub(HIDDEN, text)
    if "://" in text:
        text = _PARAMETER.sub(rf"\1{HIDDEN}", _USER.sub("…@", text))
    return text


def shown_url(url: str) -> str:
    """Return the URL as it may be shown: without name, password and query.

    What is no URL is taken for one that was mistyped: anything before an ``@`` or
    after a ``?`` may be secret.
    """
    before, scheme, rest = url.rpartition("://")
    begin = (
        before[-20:]
        if re.fullmatch(r"[A-Za-z][\w+.-]*", before)
        else "…" * bool(before)
    )
    name, at, rest = rest.rpartition("@")
    shown = re.sub(r"([?#]).*", r"\1…", rest, flags=re.DOTALL)
    return without_secrets(f"{begin}{scheme}{'…' * bool(name or at)}{at}{shown}")
