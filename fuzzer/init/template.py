"""The commented target file that ``hubfuzz init`` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from fuzzer.values import Value

URL: Final = "ws://127.0.0.1:8000/ws"
STARTED_URL: Final = "ws://127.0.0.1:{port}/ws"
PUBLISH: Final = '{"type": "broadcast", "id": "{id}", "body": "{body}"}'


class Wanted(Value):
    """What is known of the hub beforehand. ``start``: words of a command, empty if it runs already."""

    name: str = "hub"
    url: str = ""
    start: tuple[str, ...] = ()
    auth: str = "jwt"
    secret_env: str = "JWT_SECRET"
    publish: str = PUBLISH
    deliver_type: str = "message"


def target_file(wanted: Wanted) -> str:
    """TOML that is a target as it stands, with every other key that is often needed as a comment."""
    url = wanted.url or (STARTED_URL if wanted.start else URL)
    return TEMPLATE.format(
        name=quoted(wanted.name),
        url=quoted(url),
        start=_start(wanted.start),
        auth=_jwt(wanted.secret_env) if wanted.auth == "jwt" else NO_AUTH,
        publish=quoted(wanted.publish),
        deliver_type=quoted(wanted.deliver_type),
    )


def quoted(text: str) -> str:
    """A TOML string; a literal one where that is easier to read."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _start(words: Sequence[str]) -> str:
    if not words:
        return '# start = ["{python}", "-m", "uvicorn", "app:app", "--port", "{port}"]   # and {port} in the url'
    return f"start = [{', '.join(map(quoted, words))}]"


def _jwt(variable: str) -> str:
    return JWT.replace("JWT_SECRET", variable)


JWT: Final = """\
kind = "jwt"
secret = {env = "JWT_SECRET"}            # read from this environment variable; it reaches no report
algorithm = "HS256"
claims = {sub = "{user}"}                # {user}: hubfuzz makes up fresh users
lifetime = "15m"
place = "query:token"                    # header:Authorization=Bearer {token} | cookie:NAME | subprotocol:jwt,{token} |
                                         # message (then: message = '{"token": "{token}"}')"""
NO_AUTH: Final = """\
kind = "none"                            # users are told apart by {user} in target.url, in a header, or in
# message = '{"hello": "{user}"}'        # the first frame"""
TEMPLATE: Final = """\
# What hubfuzz must know of your hub. `hubfuzz run` fuzzes it; `hubfuzz run --dry-run` shows what that would be.
# `hubfuzz schema > hubfuzz.schema.json` lets editors complete this file:
#:schema ./hubfuzz.schema.json

[target]
name = {name}
url = {url}
# How to start the hub; {{port}} is a free port, {{python}} the Python of hubfuzz. Without it, the hub must run already.
{start}
# ready = "http://127.0.0.1:{{port}}/health"    # answers 2xx when the hub is up; otherwise: its port listens
# env = {{LOG_LEVEL = "warning"}}               # for the started hub
# headers = {{Origin = "http://localhost"}}     # sent with every opening handshake

[auth]
{auth}

[protocol]                               # JSON frames; for others: kind = "text", or class = "module:Name"
publish = {publish}
deliver = {{match = {{type = {deliver_type}}}, id = "id", body = "body"}}   # how the copy is recognised: paths into it
# welcome = {{match = {{type = "welcome"}}}}      # a frame that says: you are a member now
# publish_room = '{{"type": "publish", "id": "{{id}}", "body": "{{body}}", "room": "{{room}}"}}'
# subscribe = '{{"type": "subscribe", "room": "{{room}}"}}'
# subscribed = {{match = {{type = "subscribed"}}, room = "room"}}

[policy]                                 # the dials: what your hub promises. The defaults accuse nobody
# group = "user"                         # who gets a message: the sender's user | room | all
# echo = "always"                        # does a sender get its own messages? always | never
# join_evidence = "welcome"              # with protocol.welcome: a member from then on
# limit = {{max = 5, over = "reject", statuses = [429]}}   # or codes = [4429]; over = "evict-oldest"
#                                        # scope = "global" (or "ip"): all users share it, hubfuzz's own two as well
# deadline = 5.0                         # seconds in which a message arrives, while the hub answers at all

[probe]                                  # what else can be seen of the hub
# connections = {{url = "http://127.0.0.1:{{port}}/stats", path = "connections"}}   # must be back at 0 in the end
# What a hub that hubfuzz starts prints for an error that nothing in it handled. Not "Traceback": libraries log one for
# what they handle well themselves, as uvicorn for each text frame that is not UTF-8, and each would be a finding:
# log_errors = ["Exception in ASGI application", "Unhandled exception", "Task exception was never retrieved"]
"""
