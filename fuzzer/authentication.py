"""Plans about tokens: every kind that the hub declares to refuse, alone and all at once, beside a true member."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import msgspec

from fuzzer.plan import Batch, Close, Op, Open, Plan, Send, Subscribe, TokenKind
from fuzzer.plan_ranges import at_least
from fuzzer.plan_rules import connection_symbol
from fuzzer.target.model import Target

MEANING = "A bad, expired or unsigned token gets nobody in."
MOST_LOOKED_AT = 400


def refusal(target: Target) -> str:
    """Why there is nothing to try; empty if there is something."""
    return "" if bad_kinds(target) else "policy.refuse_tokens names no kind of token that hubfuzz can make"


def bad_kinds(target: Target) -> tuple[TokenKind, ...]:
    """Kinds of token that this hub promises to refuse."""
    from strategies.shape import shape_of_target

    return tuple(kind for kind in shape_of_target(target).tokens if kind != "valid")


def every_bad_token(target: Target) -> Plan:
    """Each bad token in turn, while a member listens and sends; then all at once; then the member's other tab."""
    names = map(connection_symbol, count())
    messages = map("m{}".format, count())
    room = "r0" if target.policy.group == "room" and target.has_rooms else None
    member = next(names)
    steps: list[tuple[Op, ...]] = [(_open(target, member, "valid", 0),)]
    steps += [(Subscribe(conn=member, room=room),)] if room else []
    for number, kind in enumerate(bad_kinds(target), 1):
        impostor = next(names)
        steps.append((_open(target, impostor, kind, number),))
        steps.append((Send(conn=impostor, msg=next(messages), size=20, room=room), _say(member, next(messages), room)))
    crowd = [_open(target, next(names), kind, 100 + n) for n, kind in enumerate(bad_kinds(target))]
    steps.append((*crowd, _say(member, next(messages), room)))
    steps.append((Close(conn=member),))
    steps.append((_open(target, next(names), "valid", 200),))
    return at_least(Plan(batches=tuple(Batch(ops=step) for step in steps)), target.policy.min_size)


def drawn(target: Target, seed: int, number: int) -> Iterator[Plan]:
    """Drawn plans in which at least one token is bad."""
    from strategies.draw import draw_plans
    from strategies.shape import shape_of_target

    calm = msgspec.structs.replace(shape_of_target(target), kinds=("close", "drop"), max_batches=4, max_conns=6)
    plans = draw_plans(calm, seed, MOST_LOOKED_AT)
    return islice((plan for plan in plans if _has_bad_token(plan)), number)


def _has_bad_token(plan: Plan) -> bool:
    return any(isinstance(op, Open) and op.token != "valid" for op in plan.ops())


def _open(target: Target, conn: str, token: TokenKind, number: int) -> Open:
    return Open(conn=conn, user="u0", session=f"s{number}" if target.has_sessions else None, token=token)


def _say(conn: str, message: str, room: str | None) -> Send:
    return Send(conn=conn, msg=message, size=20, room=room)
