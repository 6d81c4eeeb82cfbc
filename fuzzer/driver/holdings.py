"""What the server holds at the end of a cycle: descriptors, threads, sockets half closed, memory, its own counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import trio

from fuzzer.driver.health import Health, HealthyTime
from fuzzer.driver.stage import Stage
from fuzzer.history import Event, Phase, Probe, ServerLog, StopInv
from fuzzer.target.process import Server

# Seconds between looks: what a server is just about to let go of must not be taken for what it keeps.
PAUSES = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)
KIB = 1024
OF_THE_PROCESS = "process."
Counts = Callable[[], Awaitable[dict[str, int]]]
WARM_UP = 2  # readings before the one that later ones are held against


async def holdings(server: Server, counts: Counts, before: Sequence[Probe], hurry: float = 1.0) -> list[Probe]:
    """The least of every number in a few looks; one look is enough if nothing is above what it was in ``before``.

    ``hurry`` below 1 shortens the time between looks, as it does all time bounds while a failure is shrunk."""
    last = {probe.name: probe.value for probe in before}
    least: dict[str, int] = {}
    for pause in PAUSES:
        await trio.sleep(pause * hurry)
        seen = _of_the_process(server) | await counts()
        least = {name: min(value, least.get(name, value)) for name, value in seen.items()}
        if last and all(least[name] <= last.get(name, 0) for name in least if name != "process.rss_kb"):
            break
    if "process.fds" in least:
        least["process.close_wait"] = await _half_closed(server, last, hurry)
    return [Probe(0.0, name, value, "cycle") for name, value in least.items()]


def errors_of(events: Sequence[Event]) -> list[ServerLog]:
    """What the server logged in a cycle, for the history of the last one; not if it was told to end in it, which is
    known in its own history alone."""
    if any(isinstance(event, StopInv) for event in events):
        return []
    return [msgspec.structs.replace(event, t=0.0) for event in events if isinstance(event, ServerLog)]


def needs_another_look(kept: Sequence[Probe]) -> bool:
    """Has anything grown since the first cycles? Then the server may still be letting go of the last connections.

    Its own counts do not say: it may have counted a connection off long before it closes the socket."""
    found: dict[str, list[int]] = {}
    for probe in kept:
        if probe.name.startswith(OF_THE_PROCESS) and probe.name != "process.rss_kb":
            found.setdefault(probe.name, []).append(probe.value)
    return any(len(values) > WARM_UP and values[-1] > values[WARM_UP] for values in found.values())


async def until_moved(counts: Counts, before: dict[str, int], opened: int, seconds: float) -> None:
    """Wait, but no longer than that, until the server's counts show all ``opened`` connections, and nothing else.

    A server may tell counts that it takes only now and then: those from before the control pair was there, or from
    between its two openings, would make a leak of the pair. A count that fell shows that others were leaving meanwhile.
    """
    with trio.move_on_after(seconds):
        while before and not _show(await counts(), before, opened):
            await trio.sleep(PAUSES[-1])


def _show(now: dict[str, int], before: dict[str, int], opened: int) -> bool:
    grown = [now.get(name, value) - value for name, value in before.items()]
    return max(grown) >= opened and min(grown) >= 0


async def look_again(
    stage: Stage, health: Health, server: Server, counts: Counts, kept: list[Probe], hurry: float
) -> list[Probe]:
    """The readings, the last one replaced by one that is written down when everything must have been released."""
    stage.record(Phase, "rest")
    await health.wait(health.release_bound(), HealthyTime())
    late = await holdings(server, counts, kept, hurry)
    for probe in late:
        stage.record(Probe, probe.name, probe.value, "cycle")
    last = {probe.name: number for number, probe in enumerate(kept)}
    replaced = {last[probe.name] for probe in late if probe.name in last}
    return [probe for number, probe in enumerate(kept) if number not in replaced]


async def _half_closed(server: Server, last: dict[str, int], hurry: float) -> int:
    """Asked after the rest and once if that will do: a system that has just closed thousands takes long to tell."""
    least = server.close_wait()
    for pause in PAUSES[1:]:
        if least <= last.get("process.close_wait", 0):
            break
        await trio.sleep(pause * hurry)
        least = min(least, server.close_wait())
    return least


def _of_the_process(server: Server) -> dict[str, int]:
    """Summed over the process and its children; empty if it has ended."""
    found = server.resources()
    if not found:
        return {}
    return {"process.fds": found["fds"], "process.threads": found["threads"], "process.rss_kb": found["rss"] // KIB}
