"""Messages between the parent and its workers, through a pipe that cuts them anywhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from campaign_fakes import CROWD, RACE, TWO_TABS, FakeHub, campaign

from fuzzer.campaign import Options, Subject
from fuzzer.campaign.store import Stored
from fuzzer.hub.target import embedded_target
from fuzzer.workers.messages import Alive, Answer, Asks, Enough, Job, News, Order, Said, Share, Stop, Unpacker, packed


def everything(stream: bytes, kind: object, step: int) -> list[object]:
    unpacker = Unpacker(kind)
    return [m for at in range(0, len(stream), step) for m in unpacker.feed(stream[at : at + step])]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_orders_come_as_they_were_sent(step: int) -> None:
    ran = campaign(FakeHub((RACE,)), [TWO_TABS])
    stored = Stored(Path("HF103-x.json"), ran.result.failures[0])
    target = embedded_target("S15")
    orders = [
        Job(target, Options(seed=3, known=("HF103-000000",)), Subject("hub", {"a": [1, None, 2.5]}), (stored,)),
        Share(3, 4, 9),
        Share(scenario="limit", end=1),
        Answer("HF103-000000", True),
        Enough(),
        Stop(),
    ]
    assert everything(b"".join(map(packed, orders)), Order, step) == orders


def test_every_event_of_a_campaign_comes_as_it_was_said() -> None:
    ran = campaign(FakeHub((RACE,)), [CROWD, TWO_TABS])
    news = [Alive(), *map(Said, ran.events), Asks("HF103-000000")]
    assert len({type(event) for event in ran.events}) > 4
    assert everything(b"".join(map(packed, news)), News, 1000) == news


def test_the_target_keeps_its_secrets_on_the_way() -> None:
    (job,) = everything(packed(Job(embedded_target(), Options(), Subject())), Order, 1 << 20)
    assert isinstance(job, Job)
    assert job.target == embedded_target()


@pytest.mark.parametrize("body", [b"\xc1", b"\x80", b"\x81\xa3say\xa4what"])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    stream = len(body).to_bytes(4, "big") + body
    with pytest.raises(msgspec.MsgspecError):
        everything(stream, News, 100)
