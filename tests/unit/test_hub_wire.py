"""What the hub assumes of trio-websocket's private parts."""

from __future__ import annotations

import inspect

import pytest
from trio_websocket import WebSocketConnection

from fuzzer.hub.wire import HubSocket

OVERRIDDEN = (
    "_send",
    "_close_stream",
    "_abort_web_socket",
    "_handle_request_event",
    "_handle_message_event",
    "_handle_ping_event",
    "_handle_pong_event",
    "_handle_close_connection_event",
)


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_the_library_still_calls_what_is_overridden(name: str) -> None:
    assert name in vars(HubSocket)
    assert inspect.iscoroutinefunction(getattr(WebSocketConnection, name))
    own = inspect.signature(getattr(HubSocket, name)).parameters
    assert list(own) == list(inspect.signature(getattr(WebSocketConnection, name)).parameters)


def test_the_library_still_has_the_reader_and_the_fields_that_are_used() -> None:
    source = inspect.getsource(WebSocketConnection)
    assert "async def _reader_task(self)" in source
    for field in ("_wsproto", "_reader_running", "_message_size", "_message_parts", "_max_message_size"):
        assert f"self.{field}" in source
    assert "while self._reader_running" in inspect.getsource(WebSocketConnection._reader_task)
