"""One small HTTP/1.1 GET over trio, for probes and readiness: no redirects, no TLS, everything bounded."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import trio

from fuzzer.values import Value

TIMEOUT = 2.0
MOST_BYTES = 4_000_000
STATUS = re.compile(rb"[0-9]{3}").fullmatch  # RFC 9112, 4
MOST_DIGITS = 18  # of a length; Python's own limit of 4,300 raises an error that is nobody's


class Answer(Value):
    """Status and body of an answer."""

    status: int
    body: bytes


class NoAnswer(OSError):
    """There was no answer that could be read; the text says why."""


async def get(url: str, timeout: float = TIMEOUT) -> Answer:
    """GET ``url`` on a connection of its own; raises ``NoAnswer`` with one line, within ``timeout`` seconds."""
    try:
        with trio.fail_after(timeout):
            return _parse(await _exchange(url))
    except trio.TooSlowError:
        raise NoAnswer(f"no whole answer within {timeout:g} s") from None
    except (OSError, trio.BrokenResourceError) as error:
        raise error if isinstance(error, NoAnswer) else NoAnswer(_why(error)) from None


def _why(error: Exception) -> str:
    """trio keeps the reasons of an attempt to connect behind its own error, in a group when there are several."""
    cause = error.__cause__
    reasons = cause.exceptions if isinstance(cause, BaseExceptionGroup) else (cause, error)
    if any(isinstance(reason, ConnectionRefusedError) for reason in reasons):
        return "the connection was refused"
    return " ".join(str(error).split()) or type(error).__name__


async def _exchange(url: str) -> bytes:
    parts = urlsplit(url)
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {resource} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    async with await trio.open_tcp_stream(parts.hostname or "", parts.port or 80) as stream:
        await stream.send_all(request.encode())
        return await _read_answer(stream)


async def _read_answer(stream: trio.SocketStream) -> bytes:
    """Read to the end of the answer, or of the connection: not every server closes because it is asked to."""
    data = bytearray()
    async for chunk in stream:
        data += chunk
        if len(data) > MOST_BYTES:
            raise NoAnswer(f"the answer is longer than {MOST_BYTES} bytes")
        if _is_whole(data):
            break
    return bytes(data)


def _is_whole(data: bytearray) -> bool:
    head, blank, body = bytes(data).partition(b"\r\n\r\n")
    if not blank:
        return False
    headers = _headers(head)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return body.startswith(b"0\r\n") or b"\r\n0\r\n" in body
    length = _length(headers)
    return length is not None and len(body) >= length


def _length(headers: dict[str, str]) -> int | None:
    """The length that the answer says its body has; None if it says none."""
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) > MOST_DIGITS:
        raise NoAnswer(f"the length of the answer has {len(length)} digits")
    return int(length) if length.isdecimal() else None


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _parse(data: bytes) -> Answer:
    head, blank, body = data.partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].split(b" ", 2)
    if not blank or not words[0].startswith(b"HTTP/1.") or len(words) < 2 or not STATUS(words[1]):
        raise NoAnswer(
            f"the answer is not HTTP: {data[:40]!r}" if data else "the connection was closed without an answer"
        )
    headers = _headers(head)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Answer(int(words[1]), _dechunk(body))
    length = _length(headers)
    if length is not None and len(body) < length:
        raise NoAnswer(f"the answer was cut off after {len(body)} of {length} bytes")
    return Answer(int(words[1]), body[:length])


def _dechunk(body: bytes) -> bytes:
    whole = bytearray()
    while True:
        size_line, newline, body = body.partition(b"\r\n")
        try:
            size = int(size_line.split(b";")[0], 16)
        except ValueError:
            raise NoAnswer("the answer was cut off in the middle of its chunks") from None
        if not newline or len(body) < size:
            raise NoAnswer("the answer was cut off in the middle of its chunks")
        if size == 0:
            return bytes(whole)
        whole += body[:size]
        body = body[size + 2 :]
