"""What hubfuzz assumes of trio's private scheduler names."""

from __future__ import annotations

import trio
import trio._core._run as trio_run

from fuzzer.driver._trio_compat import seed_scheduler


def order_of_tasks(seed: int) -> list[int]:
    """The order in which sixteen tasks, ready together, run."""
    ran: list[int] = []

    async def main() -> None:
        seed_scheduler(seed)

        async def task(number: int) -> None:
            await trio.lowlevel.checkpoint()
            ran.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(16):
                nursery.start_soon(task, number)

    trio.run(main)
    return ran


def test_the_private_names_exist() -> None:
    assert hasattr(trio_run._r, "seed")
    assert isinstance(trio_run._ALLOW_DETERMINISTIC_SCHEDULING, bool)


def test_one_seed_gives_one_order() -> None:
    assert order_of_tasks(7) == order_of_tasks(7)


def test_different_seeds_give_different_orders() -> None:
    assert len({tuple(order_of_tasks(seed)) for seed in range(20)}) > 10
