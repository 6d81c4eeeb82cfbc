"""Every mistake in a target file gives one line with file, key, what was found and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import DELIVER, PLACES, PUBLISH, SECRET, START, URL, WS, changed, complaint, write

from fuzzer.target import load_target

LONG_ENOUGH = "expected seconds, 0.5 or more: hubfuzz asks only so often whether the server answers"
TOO_LONG = ", expected a whole number of 64 bits, as TOML has them"

BAD = {
    # unknown keys
    ("[probe]", "[prob]"): "prob: unknown key; did you mean 'probe'?",
    ("name =", "nme ="): "target.nme: unknown key; did you mean 'name'?",
    ("name =", "qqq ="): "target.qqq: unknown key; known here: url, name, start, ready, ready_timeout, cwd, env, "
    "headers, subprotocols, workers",
    ("limit = {max", "limits = {max"): "policy.limits: unknown key; did you mean 'limit'?",
    ("over =", "ovr ="): "policy.limit.ovr: unknown key; did you mean 'over'?",
    ("lifetime =", "life-time ="): "auth.life-time: unknown key; did you mean 'lifetime'?",
    ("log_errors =", "log_error ="): "probe.log_error: unknown key; did you mean 'log_errors'?",
    ('path = "conn', 'pth = "conn'): "probe.connections.pth: unknown key; did you mean 'path'?",
    (
        'body = "body"}',
        'text = "body"}',
    ): "protocol.deliver.text: unknown key; known here: match, id, body, room, user, users",
    # wrong types
    ("deadline = 5", 'deadline = "soon"'): 'policy.deadline: found "soon", expected a number',
    ("max = 5", "max = 5.5"): "policy.limit.max: found 5.5, expected the number of connections that one user may have",
    ("codes = [4429]", 'codes = [4429, "x"]'): 'policy.limit.codes.1: found "x", expected a whole number',
    ('env = {MODE = "test"', "env = {MODE = 1"): "target.env.MODE: found 1, expected text or a table",
    (START, 'start = "chat --port 1"'): 'target.start: found "chat --port 1", expected a list of words, for example '
    '["uvicorn", "app:app", "--port", "{port}"]',
    ("process = true", "process = 1"): "probe.process: found 1, expected true or false",
    ('path = "connections"', "path = 3"): "probe.connections.path: found 3, expected text",
    (DELIVER, 'deliver = "x"'): 'protocol.deliver: found "x", expected for example {match = {type = "message"}, '
    'id = "id", body = "body"}',
    ("deadline = 5", "max_rooms = 3"): "policy.max_rooms: needs protocol.not_subscribed, so that a refusal is known as "
    "one",
    ("deadline = 5", "t_evict = 1"): 'policy.t_evict: needs policy.limit.over = "evict-oldest" or "evict-any", or '
    'policy.sessions = "takeover"',
    ("deadline = 5", f"backlog = {10**26}"): f"policy.backlog: found {10**26}{TOO_LONG}",
    ("codes = [4429]", f"codes = [4429, -{1 << 63}]"): f"policy.limit.codes.1: found -{1 << 63}{TOO_LONG}",
    ("deadline = 5", f"storm = {'9' * 5_000}"): "broken TOML: Exceeds the limit (4300 digits) for integer string "
    "conversion: value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit",
    # wrong choices
    ('group = "user"', 'group = "users"'): "policy.group: found \"users\"; did you mean 'user'?",
    ('over = "reject"', 'over = "kill"'): 'policy.limit.over: found "kill"; one of: reject, evict-oldest, evict-any',
    ('kind = "jwt"', 'kind = "jtw"'): "auth.kind: found \"jtw\"; did you mean 'jwt'?",
    ("[protocol]", '[protocol]\nkind = "jason"'): "protocol.kind: found \"jason\"; did you mean 'json'?",
    # missing keys
    (URL, ""): 'target.url: missing; expected for example "ws://127.0.0.1:8000/ws"',
    ('kind = "jwt"', ""): 'auth.kind: missing; expected "jwt" or "none"',
    (SECRET, "claims"): 'auth.secret: missing; expected {env = "JWT_SECRET"} or text',
    (DELIVER, ""): 'protocol.deliver: missing; expected for example {match = {type = "message"}, id = "id", '
    'body = "body"}',
    ("max = 5, ", ""): "policy.limit.max: missing; expected the number of connections that one user may have",
    # URLs
    (URL, 'url = "http://127.0.0.1:{port}/ws"'): f"target.url: found 'http://127.0.0.1:{{port}}/ws', {WS}",
    (URL, 'url = "wss://127.0.0.1:1/"'): "target.url: found 'wss://127.0.0.1:1/'; wss:// is not supported: "
    "TLS hides the bytes that faults are made of, use ws://",
    (URL, 'url = "127.0.0.1:8000"'): f"target.url: found '127.0.0.1:8000', {WS}",
    (URL, 'url = "ws://127.0.0.1:99999/"'): f"target.url: found 'ws://127.0.0.1:99999/', {WS}",
    (URL, 'url = "ws://me:pw@127.0.0.1/"'): f"target.url: found 'ws://me:pw@127.0.0.1/', {WS}",
    (URL, 'url = "ws://127.0.0.1:1/a b"'): f"target.url: found 'ws://127.0.0.1:1/a b', {WS}",
    (URL, 'url = "ws://127.0.0.1:1/#x"'): f"target.url: found 'ws://127.0.0.1:1/#x', {WS}",
    (URL, 'url = "ws://127.0.0.1:{prt}/ws"'): "target.url: unknown placeholder {prt}; did you mean {port}?",
    (URL, 'url = "ws://127.0.0.1:{port}/{xyzzy}"'): "target.url: unknown placeholder {xyzzy}; "
    "known here: {port}, {user}, {session}",
    (URL, 'url = "ws://127.0.0.1:1/?t={token}"'): 'target.url: found {token}; expected auth.place = "query:NAME" '
    "instead",
    (URL, 'url = "ws://{user}.localhost:1/"'): "target.url: found 'ws://{user}.localhost:1/'; {user} and {session} "
    "may stand in the path and the query only",
    (URL, 'url = "ws://hub.example.org/ws"'): "target.url: hub.example.org is not this machine; if you may fuzz it, "
    "say --allow-host hub.example.org",
    (URL, 'url = "ws://10.0.0.7:80/ws"'): "target.url: 10.0.0.7 is not this machine; if you may fuzz it, "
    "say --allow-host 10.0.0.7",
    ("http://127.0.0.1:{port}/stats", "http://stats.example.org/"): "probe.connections.url: stats.example.org is not "
    "this machine; if you may fuzz it, say --allow-host stats.example.org",
    ("http://127.0.0.1:{port}/health", "https://127.0.0.1/health"): "target.ready: found 'https://127.0.0.1/health'; "
    "https:// is not supported, use http://",
    # starting
    (START, ""): "target.url: found {port} without target.start; expected the port that the server listens on",
    (START, "start = []"): 'target.start: empty; expected for example ["uvicorn", "app:app", "--port", "{port}"]',
    ('"{port}"]', '"{prot}"]'): "target.start: unknown placeholder {prot}; did you mean {port}?",
    ('"{port}"]', '"a\\u0000"]'): "target.start: holds a NUL, which no program can be given",
    ('MODE = "test"', 'MODE = "a\\u0000b"'): "target.env.MODE: holds a NUL, which no program can be given",
    ('MODE = "test"', '"A=B" = "test"'): "target.env: found 'A=B', expected names of variables: not empty, without "
    "'=' and NUL",
    ('MODE = "test"', '"" = "test"'): "target.env: found '', expected names of variables: not empty, without '=' and "
    "NUL",
    ('name = "chat"', "ready_timeout = 0"): "target.ready_timeout: found 0, expected seconds above 0",
    ('name = "chat"', "workers = 0"): "target.workers: found 0, expected a number from 1 to 256",
    ('name = "chat"', "ready_timeout = inf"): "target.ready_timeout: found inf, expected seconds above 0",
    # the handshake
    ('{Origin = "http', '{"O rigin" = "http'): "target.headers.O rigin: is no name of a header",
    ('{Origin = "http', '{Upgrade = "http'): "target.headers.Upgrade: belongs to the opening handshake itself; "
    "remove it",
    (
        'Origin = "http://localhost"',
        'Origin = "a\\nb"',
    ): "target.headers.Origin: found 'a\\nb', expected printable ASCII",
    ('Origin = "http://localhost"', 'X = "{usr}"'): "target.headers.X: unknown placeholder {usr}; did you mean {user}?",
    ('name = "chat"', 'subprotocols = ["a b"]'): "target.subprotocols: found 'a b', expected a name without spaces or "
    "separators",
    # auth
    ('{env = "HF_TEST_SECRET"}\nclaims', '{env = "HF_NOT_SET"}\nclaims'): "auth.secret: environment variable "
    "HF_NOT_SET is not set",
    ('KEY = {env = "HF_TEST_SECRET"}', 'KEY = {env = "HF_NOT_SET"}'): "target.env.KEY: environment variable "
    "HF_NOT_SET is not set",
    ('{env = "HF_TEST_SECRET"}\nclaims', '""\nclaims'): "auth.secret: is no key to sign HS256 with: HMAC key must not "
    "be empty",
    ('"HS256"', '"HS265"'): "auth.algorithm: found 'HS265'; did you mean 'HS256'?",
    ('"HS256"', '"none"'): "auth.algorithm: found 'none'; expected an algorithm that signs, such as HS256",
    ('"15m"', '"15 minutes"'): 'auth.lifetime: found \'15 minutes\', expected a time such as "30s", "15m" or "1h"',
    ('"15m"', "0"): 'auth.lifetime: found 0, expected a time such as "30s", "15m" or "1h"',
    ('sub = "{user}"', 'sub = "{usr}"'): "auth.claims.sub: unknown placeholder {usr}; did you mean {user}?",
    ("level = 3", "exp = 3"): "auth.claims.exp: is added by hubfuzz; use auth.lifetime",
    ("level = 3", "born = 2020-01-01"): "auth.claims.born: found 2020-01-01, expected text, a number, true, false, "
    "a list or a table",
    ('"query:token"', '"querry:token"'): "auth.place: found 'querry:token'; did you mean 'query'?; the forms are "
    + PLACES,
    ('"query:token"', '"query:"'): f"auth.place: found 'query:'; the forms are {PLACES}",
    ('"query:token"', '"header:Authorization"'): f"auth.place: found 'header:Authorization'; the forms are {PLACES}",
    ('"query:token"', '"message"'): "auth.message: must hold {token}, for example "
    """'{"type": "auth", "token": "{token}"}'""",
    ("lifetime =", "message = '\"{token}\"'\nlifetime ="): 'auth.message: needs auth.place = "message", found '
    "'query:token'",
    ("lifetime =", "accepted = {match = {a = 1}}\nlifetime ="): 'auth.accepted: needs auth.place = "message" and a '
    "JSON protocol",
    ('sub = "{user}"', 'sub = "x"'): "{user} is nowhere, so all connections would be one user's; expected it in "
    'auth.claims, target.url, target.headers or auth.message (or policy.group = "all" and no limit or rate of each '
    "user)",
    # protocol
    (PUBLISH, """publish = '{"id": "{id}"}'"""): """protocol.publish: found '{"id": "{id}"}', which lacks {body}""",
    (PUBLISH, """publish = '{"id": "{id}", "b": "{bdy}"}'"""): "protocol.publish: unknown placeholder {bdy}; "
    "did you mean {body}?",
    (PUBLISH, """publish = '{"id": {id}, "b": "{body}"}'"""): """protocol.publish: found '{"id": {id}, "b": """
    """"{body}"}', which is not JSON; placeholders stand within quotes: "{id}\"""",
    ('welcome = {match = {type = "welcome"}}', "welcome = {}"): "protocol.welcome.match: missing, so every frame would "
    'fit; expected for example {type = "welcome"}',
    ('welcome = {match = {type = "welcome"}}', 'welcome = {match = {type = "broadcast"}}'): "protocol.welcome.match: "
    "is the same as protocol.deliver.match, so their frames cannot be told apart",
    ('{type = "welcome"}', "{born = 2020-01-01}"): 'protocol.welcome.match.born: found "2020-01-01", expected text, '
    "a number, true or false",
    ("welcome =", "not_subscribed ="): "protocol.subscribed: missing; protocol.not_subscribed needs it",
    ("welcome =", "unsubscribed ="): "protocol.unsubscribe: missing; protocol.unsubscribed needs it",
    (PUBLISH, PUBLISH + """\nsubscribe = '{"room": "{room}"}'"""): "protocol.publish_room: missing; protocol.subscribe "
    "needs it",
    ('id = "id", body', 'id = "", body'): 'protocol.deliver.id: found "", expected a path into the frame such as '
    '"payload.id"',
    # policy
    ("deadline = 5", "deadline = 0"): "policy.deadline: found 0, " + LONG_ENOUGH,
    ("deadline = 5", "deadline = nan"): "policy.deadline: found nan, " + LONG_ENOUGH,
    ("deadline = 5", "t_release = -1"): "policy.t_release: found -1, " + LONG_ENOUGH,
    ("deadline = 5", "t_release = 0.1"): "policy.t_release: found 0.1, " + LONG_ENOUGH,
    ("deadline = 5", "t_detect = 0.4"): "policy.t_detect: found 0.4, " + LONG_ENOUGH,
    ("deadline = 5", "t_join = -1"): "policy.t_join: found -1, expected seconds, 0 or more",
    ("deadline = 5", "t_heartbeat = 0"): "policy.t_heartbeat: found 0, expected seconds above 0",
    ("deadline = 5", "min_size = -1"): "policy.min_size: found -1, expected characters (0 to 1000)",
    ("deadline = 5", "min_size = 1001"): "policy.min_size: found 1001, expected characters (0 to 1000)",
    ("deadline = 5", "max_size = 84"): "policy.max_size: found 84, expected bytes, 85 or more: "
    "hubfuzz's own messages must get through",
    ("deadline = 5", "backlog = 0"): "policy.backlog: found 0, expected 1 or more",
    ("deadline = 5", 'publish_joins = true\nsubscriptions = "single"'): "policy.publish_joins: not with "
    'policy.subscriptions = "single": hubfuzz asks for rooms where it has spoken',
    ("deadline = 5", "rate = 0"): "policy.rate: found 0, expected 1 or more",
    ("deadline = 5", 'rate_scope = "user"'): 'policy.rate_scope: found "user", which needs policy.rate',
    ("deadline = 5", "t_lifetime = 0"): "policy.t_lifetime: found 0, expected seconds above 0",
    ("max = 5", "max = 0"): "policy.limit.max: found 0, expected 1 or more",
    ("max = 5", 'max = 1, scope = "global"'): 'policy.limit.max: found 1 with scope = "global", expected 2 or more: '
    "one slot goes to hubfuzz's own control connection",
    ("deadline = 5", 'replay = "all"'): 'policy.replay: found "all"; one of: may, none',
    ("deadline = 5", "subscriptions = 1"): "policy.subscriptions: found 1, expected text",
    ("max = 5", 'max = 5, scope = "all"'): 'policy.limit.scope: found "all"; one of: user, ip, global',
    ("[4429]", "[429]"): "policy.limit.codes: found 429, expected close codes (1000 to 4999)",
    ("[403, 429]", "[4429]"): "policy.limit.statuses: found 4429, expected HTTP statuses that refuse (300 to 599)",
    ("deadline = 5", 'refuse_tokens = ["expird"]'): "policy.refuse_tokens: found 'expird'; did you mean 'expired'?",
    ("deadline = 5", 'refuse_tokens = ["valid"]'): "policy.refuse_tokens: found 'valid'; one of: expired, "
    "not-yet-valid, wrong-signature, alg-none, wrong-claims, truncated, none",
    ('group = "user"', 'group = "room"'): 'policy.group: found "room", which needs protocol.publish_room and '
    "protocol.subscribe",
    ("deadline = 5", 'sessions = "takeover"'): 'policy.sessions: found "takeover", which needs {session} in '
    "target.url, headers or auth",
    # probes
    ('path = "connections"', 'path = ""'): 'probe.connections.path: empty; expected for example "connections"',
    ('["Traceback"]', '[""]'): "probe.log_errors: found an empty text, which every line holds; expected for example "
    "'Unhandled exception'",
}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TEST_SECRET", "some secret text of good length")
    monkeypatch.delenv("HF_NOT_SET", raising=False)


@pytest.mark.parametrize(("change", "line"), BAD.items(), ids=range(len(BAD)))
def test_every_mistake_gives_one_line(tmp_path: Path, change: tuple[str, str], line: str) -> None:
    assert complaint(write(tmp_path, changed(*change))) == line


def test_a_join_by_welcome_needs_a_welcome(tmp_path: Path) -> None:
    text = changed("deadline = 5", 'join_evidence = "welcome"').replace('welcome = {match = {type = "welcome"}}', "")
    assert complaint(write(tmp_path, text)) == 'policy.join_evidence: found "welcome", which needs protocol.welcome'


def test_without_start_nothing_of_a_start_may_stand(tmp_path: Path) -> None:
    fixed = changed(START, "").replace("{port}", "8000")
    ready = "target.ready: needs target.start, because hubfuzz does not start this server"
    assert complaint(write(tmp_path, fixed)) == ready
    without_ready = fixed.replace('ready = "http://127.0.0.1:8000/health"', "")
    env = "target.env: needs target.start, because hubfuzz does not start this server"
    assert complaint(write(tmp_path, without_ready)) == env
    without_env = "\n".join(line for line in without_ready.splitlines() if not line.startswith(("env", "KEY")))
    workers = without_env.replace('name = "chat"', "workers = 2")
    assert complaint(write(tmp_path, workers)).startswith("target.workers: found 2, but each has a server of its own")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    example = 'a table [target] with url = "ws://127.0.0.1:8000/ws"'
    assert complaint(write(tmp_path, "")) == f"target: missing; expected {example}"
    assert complaint(write(tmp_path, "target = 1")) == f"target: found 1, expected {example}"
    alone = write(tmp_path, 'target.url = "ws://127.0.0.1:1/"')
    assert complaint(alone) == "protocol: missing; expected a table [protocol] with publish and deliver"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, changed('name = "chat"', 'cwd = "nowhere"'))
    assert complaint(path) == f"target.cwd: no such folder: {tmp_path.resolve()}/nowhere"


def test_other_machines_only_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, changed(URL, 'url = "ws://Hub.Example.org:81/ws"'))
    assert "say --allow-host hub.example.org" in complaint(path)
    target = load_target(path, allow_hosts=["HUB.example.org"])
    assert target.endpoint(None, "u").host == "hub.example.org"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]", "a.localhost", "0.0.0.0"])
def test_this_machine_has_many_names(tmp_path: Path, host: str) -> None:
    target = load_target(write(tmp_path, changed("ws://127.0.0.1:{port}", f"ws://{host}:{{port}}")))
    assert target.endpoint(81, "u").port == 81


def test_a_handshake_proves_nothing_of_who_says_only_then_who_it_is(tmp_path: Path) -> None:
    said = changed('place = "query:token"', """place = "message"\nmessage = '{"token": "{token}"}'""")
    said = said.replace("deadline = 5", 'deadline = 5\njoin_evidence = "handshake"')
    assert complaint(write(tmp_path, said)) == (
        'policy.join_evidence: found "handshake", but who it is says only the first message (auth.message)'
    )


def test_one_hello_for_both_need_not_be_said_twice(tmp_path: Path) -> None:
    answer = """place = "message"\nmessage = '{"token": "{token}"}'\naccepted = {match = {type = "welcome"}}"""
    assert complaint(write(tmp_path, changed('place = "query:token"', answer))) == (
        "auth.accepted.match: is the same as protocol.welcome.match, so their frames cannot be told apart; "
        "leave auth.accepted out"
    )
