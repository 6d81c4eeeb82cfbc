"""Which requests nothing shows to have been handled: the driver waits longer then, as the judge allows."""

from __future__ import annotations

import pytest
from histories import H

from fuzzer.driver.requests import has_unanswered
from fuzzer.facts import Facts


@pytest.mark.parametrize(
    ("written", "unanswered"),
    [
        (H().join("a"), False),
        (H().join("a").sub("a", answered=False), True),
        (H().join("a").sub("a"), False),
        (H().join("a").sub("a").unsub("a", answered=False), True),
        (H().join("a").ask("a"), True),
        (H().join("a").ask("a").present("a", "u0"), False),
        (H().join("a", "b").ask("a").ask("b").present("a", "u0"), True),
        (H().join("a").sub("a", answered=False).not_joined("a", "r0"), False),
        (H().join("a").send("m", "a").sub("a", answered=False).got("m", "a"), True),
        (H().join("a").sub("a", answered=False).send("m", "a").got("m", "a"), False),
        (H().join("a").sub("a").unsub("a", answered=False).send("m", "a").got("m", "a"), False),
    ],
)
def test_requests_of_which_nothing_shows_that_they_were_handled(written: H, unanswered: bool) -> None:
    assert has_unanswered(written.events, in_order=True) == unanswered
    assert bool(Facts(written.history()).unseen) == unanswered or not unanswered


def test_where_nothing_keeps_order_only_answers_count() -> None:
    written = H().join("a").sub("a", answered=False).send("m", "a").got("m", "a")
    assert has_unanswered(written.events, in_order=False)
