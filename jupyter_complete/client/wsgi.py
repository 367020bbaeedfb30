"""A `requests` adapter that runs a WSGI app in this process; no port is opened."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3.exceptions import ProtocolError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

FAILED = (
    b'{"type":"error","error":{"type":"api_error","message":"Internal server error"}}'
)
_LOG = logging.getLogger(__name__)


_CANCELLED = "jupyter_complete_cancelled"


def end_when(request: PreparedRequest, cancelled: Callable[[], bool]) -> None:
    """Let the app end its work on the request once ``cancelled`` says so."""
    setattr(request, _CANCELLED, cancelled)


def cancelled_of(request: PreparedRequest) -> Callable[[], bool]:
    """Return what `end_when` was told."""
    found: Callable[[], bool] = getattr(request, _CANCELLED, lambda: False)
    return found


class WSGIAdapter(BaseAdapter):
    """Answers each request from the app, as its chunks come.

    The answer is there as soon as the app has a status. Closing it, from any thread,
    ends the app's work on it; `end_when` also ends what the app does before it has a
    status.
    """

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__()
        self._app = app

    def send(  # noqa: PLR0917 - the signature of requests
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: Any = None,  # noqa: ARG002
        verify: Any = True,  # noqa: ARG002, FBT002
        cert: Any = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> Response:
        """Return the app's response; its body is read as it is asked for."""
        body = _Body()
        try:
            body.start(self._app, _environ(request))
        except Exception as error:  # noqa: BLE001 - as a server would answer it
            _LOG.error("the app failed: %r", error)
            body = _Body(500, [("Content-Type", "application/json")], FAILED)
        response = Response()
        response.status_code = body.status
        response.reason = body.reason
        response.headers = CaseInsensitiveDict(body.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.url = request.url or ""
        response.request = request
        response.raw = body
        if not stream:
            response.content  # noqa: B018 - reads it all
        return response

    def close(self) -> None:
        """Do nothing: there is no connection to close."""


class _Body:
    """The app's answer, read as urllib3's is: ``read``, ``read1``, ``stream``."""

    def __init__(
        self,
        status: int = 0,
        headers: Iterable[tuple[str, str]] = (),
        rest: bytes = b"",
    ) -> None:
        self.status = status
        self.reason = HTTPStatus(status).phrase if status else ""
        self.headers = dict(headers)
        self.closed = False
        self._rest = rest
        self._written = b""
        self._iterator: Iterator[bytes] = iter(())
        self._close_app: Callable[[], None] | None = None
        # Held while the app works: close() from another thread must not wait for it.
        self._busy = threading.Lock()

    def start(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        """Call the app, and go on until it has given a status."""
        answer = app(environ, self._start_response)
        self._close_app = getattr(answer, "close", None)
        self._iterator = iter(answer)
        while not self.status and not self._rest and not self.closed:
            self._rest = self._next()
        if not self.status:
            raise RuntimeError("the app gave no status")

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if self.status and exc_info is None:
            raise RuntimeError("start_response was called twice")
        code, _, self.reason = status.partition(" ")
        self.status, self.headers = int(code), dict(headers)
        return self._write

    def _write(self, data: bytes) -> None:
        self._written += data

    def _next(self) -> bytes:
        """Return the app's next chunk, nothing at its end."""
        with self._busy:
            chunk = b""
            try:
                while not chunk and not self.closed:
                    part = next(self._iterator)
                    chunk, self._written = self._written + part, b""
            except StopIteration:
                chunk, self._written = self._written, b""
                self.closed = True
            except BaseException:
                self.closed = True
                self._close_now()
                raise
        if self.closed:
            self.close()
        return chunk

    def close(self) -> None:
        """End the app's work: now, or when it has made the chunk it is making."""
        self.closed = True
        if self._busy.acquire(blocking=False):
            try:
                self._close_now()
            finally:
                self._busy.release()

    def _close_now(self) -> None:
        close, self._close_app = self._close_app, None
        if close is not None:
            close()

    def read1(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,  # noqa: ARG002, FBT001 - as in urllib3
    ) -> bytes:
        """Return what is there, waiting for a chunk if there is nothing."""
        if amt == 0:
            return b""
        data, self._rest = self._rest, b""
        if not data and not self.closed:
            try:
                data = self._next()
            except Exception as error:
                raise ProtocolError("The app broke off its answer.", error) from error
        if amt is not None and 0 <= amt < len(data):
            data, self._rest = data[:amt], data[amt:]
        return data

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,  # noqa: ARG002, FBT001 - as in urllib3
        cache_content: bool = False,  # noqa: ARG002, FBT001, FBT002
    ) -> bytes:
        """Return this many bytes, fewer only at the end; all of them by default."""
        parts, size = [], 0
        wanted = None if amt is None or amt < 0 else amt
        while wanted is None or size < wanted:
            part = self.read1(None if wanted is None else wanted - size)
            if not part:
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill the buffer as far as one chunk goes."""
        data = self.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def stream(
        self,
        amt: int | None = None,  # noqa: ARG002
        decode_content: bool | None = None,  # noqa: ARG002, FBT001 - as in urllib3
    ) -> Iterator[bytes]:
        """Yield each chunk whole and at once, whatever its size."""
        while data := self.read1():
            yield data

    def __iter__(self) -> Iterator[bytes]:
        return self.stream()

    def release_conn(self) -> None:
        """Do nothing: there is no connection to give back."""

    def isclosed(self) -> bool:
        """Tell whether there is nothing left to come."""
        return self.closed

    def readable(self) -> bool:
        """Say yes."""
        return True


def _environ(request: PreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url or "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": "0",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": _input(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = "HTTP_" + str(name).upper().replace("-", "_")
        environ[key] = _native(value)
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{name}" in environ:
            environ[name] = environ.pop(f"HTTP_{name}")
    cancelled = getattr(request, _CANCELLED, None)
    if cancelled is not None:
        environ["jupyter_complete.client_gone"] = cancelled
    return environ


def _native(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _input(body: Any) -> Any:
    if body is None:
        return io.BytesIO()
    if isinstance(body, str):
        return io.BytesIO(body.encode())
    if isinstance(body, (bytes, bytearray)):
        return io.BytesIO(body)
    return body if hasattr(body, "read") else io.BytesIO(b"".join(body))
