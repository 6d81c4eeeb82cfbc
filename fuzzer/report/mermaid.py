"""A failure as a Mermaid sequence diagram, which GitHub draws: the plan, what came back, and what is wrong.

Names are aliases of ours and every sign that Mermaid, Markdown or HTML could read as syntax is a numeric entity, so
that no text from outside can end the diagram, or begin anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fuzzer.history import History
from fuzzer.plan import Plan
from fuzzer.report.glyphs import shown
from fuzzer.report.scene import Block, Cell, Scene, scene_of
from fuzzer.verdict import Finding

MOST_STEPS = 150  # Mermaid refuses text above 50,000 characters and more than 500 edges
MOST_LANES = 24
LONGEST = 80
HUB = "hub"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,()=+-/'_")
_ENDS = ("close", "drop", "half-open")


def mermaid(plan: Plan, history: History | None = None, finding: Finding | None = None) -> str:
    """The diagram, without a fence around it."""
    scene = scene_of(plan, history, finding)
    names = {lane.conn: f"p{number}" for number, lane in enumerate(scene.lanes[:MOST_LANES])}
    lines = ["sequenceDiagram", *_participants(scene, names), *_cut(list(_steps(scene, names)))]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Inert text of one line; the word ``end`` may end a block, so its first letter is an entity."""
    inert = "".join(c if c in _PLAIN else f"#{ord(c)};" for c in shown(text, LONGEST))
    return re.sub(r"\b([eE])(?=nd\b)", lambda match: f"#{ord(match[1])};", inert)


def _participants(scene: Scene, names: dict[str, str]) -> Iterator[str]:
    for lane in scene.lanes[:MOST_LANES]:
        who = f"{shown(lane.conn, 20)} ({shown(lane.user, 20)})" if lane.user else shown(lane.conn, 20)
        yield f"    participant {names[lane.conn]} as {escaped(who)}"
    yield f"    participant {HUB} as hub"


def _steps(scene: Scene, names: dict[str, str]) -> Iterator[str]:
    for block in scene.blocks:
        yield f"    Note over {_across(names)}: {escaped(_label(block))}"
        yield from (_acted(cell, names) for cell in block.ops if cell.conn in names)
        yield from (_answered(cell, names) for cell in block.answers if cell.conn in names or not cell.conn)


def _across(names: dict[str, str]) -> str:
    return f"{next(iter(names.values()))},{HUB}" if names else HUB


def _label(block: Block) -> str:
    label = f"batch {block.label}" if block.ops else block.label
    return f"{label}: {len(block.ops)} ops in the same instant" if len(block.ops) > 1 else label


def _acted(cell: Cell, names: dict[str, str]) -> str:
    arrow = "-x" if cell.forms[0].startswith(_ENDS) else "->>"
    return f"    {names[cell.conn]}{arrow}{HUB}: {_said(cell)}"


def _answered(cell: Cell, names: dict[str, str]) -> str:
    if not cell.conn:
        return f"    Note over {HUB}: {_said(cell)}"
    wrong = cell.mark == "broken" or (cell.tone == "bad" and not cell.mark)
    arrow = "--x" if wrong else "-->>"
    return f"    {HUB}{arrow}{names[cell.conn]}: {_said(cell)}"


def _said(cell: Cell) -> str:
    sign = {"broken": "✗ ", "evidence": "* ", "": ""}[cell.mark]
    return escaped(sign + cell.forms[0])


def _cut(steps: list[str]) -> Iterable[str]:
    """The end is what failed, so a plan that is too long loses steps of its middle."""
    if len(steps) <= MOST_STEPS:
        return steps
    half = MOST_STEPS // 2
    left_out = len(steps) - 2 * half
    return [*steps[:half], f"    Note over {HUB}: {left_out} steps are left out here", *steps[-half:]]
