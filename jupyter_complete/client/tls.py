"""What can go wrong with TLS, in words of ours."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from http.client import BadStatusLine, RemoteDisconnected

from ..errors import one_line
from .connections import HandshakeTimeout
from .surroundings import trusted

_OTHER_NAME = (62, 64)
"""OpenSSL's codes of a certificate for another name, or another address."""
_OUT_OF_DATE = (9, 10)
_NO_BUNDLE = "TLS CA certificate bundle"
_NO_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "UNEXPECTED_MESSAGE",
        "UNKNOWN_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)
_ALERT = "\x15\x03"
"""How a TLS server begins what it says to one who speaks none."""


def tls_failure(chain: Sequence[BaseException], url: str) -> tuple[str, str] | None:
    """Return what went wrong with TLS and what to do now, None if nothing did."""
    if not url.startswith("https:"):
        return _spoken_to_in_clear(chain)
    for each in chain:
        if found := _fault(each):
            reason, remedy = found
            return reason, f"{remedy} ({trusted()})"
    return None


def _fault(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, HandshakeTimeout):
        return str(error), "check that it speaks TLS, else begin its URL with http://"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    if isinstance(error, ssl.SSLError):
        return _handshake(error)
    if isinstance(error, OSError) and _NO_BUNDLE in str(error):
        return "no certificates are trusted: the file is not there", "set it right"
    return None


def _handshake(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLEOFError):
        return "it broke TLS off", "check that it speaks TLS, and what stands between"
    if error.reason in _NO_TLS:
        return "it does not speak TLS", "begin its URL with http:// if that is meant"
    if error.reason == "NO_CERTIFICATE_OR_CRL_FOUND":
        return "no certificates are trusted: the file has none", "set it right"
    words = one_line(error.reason or str(error), 100).replace("_", " ").lower()
    return f"TLS failed: {words}", "check its certificate and its version of TLS"


def _certificate(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    words = one_line(error.verify_message, 150).rstrip(".")
    if error.verify_code in _OTHER_NAME:
        return (
            f"its certificate is for another name: {words}",
            "put a name of the certificate into the URL",
        )
    if error.verify_code in _OUT_OF_DATE:
        return f"its certificate is out of date: {words}", "have it renewed"
    return (
        f"its certificate is not trusted: {words}",
        "name the file of its authority in REQUESTS_CA_BUNDLE",
    )


def _spoken_to_in_clear(chain: Sequence[BaseException]) -> tuple[str, str] | None:
    """Return what a TLS server does with a request that is not encrypted."""
    last = chain[-1]
    if isinstance(last, BadStatusLine) and str(last).startswith(_ALERT):
        return "it speaks TLS", "begin its URL with https://"
    if isinstance(last, (RemoteDisconnected, ConnectionResetError)):
        return (
            "it closed the connection without an answer",
            "check that it is up, and begin its URL with https:// if it speaks TLS",
        )
    return None
