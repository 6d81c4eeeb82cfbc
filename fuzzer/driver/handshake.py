"""The opening handshake's request, and the texts of what goes wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsproto import WSConnection
from wsproto.events import Request

if TYPE_CHECKING:
    from fuzzer.target.model import Endpoint


def upgrade_request(endpoint: Endpoint) -> Request:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return Request(
        host=f"{host}:{endpoint.port}",
        target=endpoint.resource,
        subprotocols=list(endpoint.subprotocols),
        extra_headers=[(name.encode(), value.encode()) for name, value in endpoint.headers],
    )


def request_bytes(upgrade: WSConnection, request: Request) -> bytes:
    try:
        return bytes(upgrade.send(request))
    except Exception as error:
        raise ValueError(f"the request for {request.target!r} cannot be written: {one_line(error)}") from None


def one_line(error: BaseException) -> str:
    """The text of the error and of those that it was raised for, the most telling one last."""
    texts = [str(error)]
    while (error := error.__context__) is not None:  # type: ignore[assignment]
        texts.append(str(error))
    return " ".join(": ".join(dict.fromkeys(texts)).split())
