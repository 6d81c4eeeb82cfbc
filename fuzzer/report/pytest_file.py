"""A failure as a test file that anyone can run: the plan, the target, and as many runs as its rate asks for."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from fuzzer.campaign.failure import Failure
from fuzzer.campaign.reproduce import RISK, repeats
from fuzzer.hub.knobs import Knobs
from fuzzer.plan import Plan, plan_to_json
from fuzzer.report.glyphs import shown
from fuzzer.report.story import story_of
from fuzzer.values import DamagedFile

CRASH = "HF502"  # what ends the server excuses whatever it had done before
TEMPLATE = '''\
"""{title}

{story}

{rate} Written by {tool}.
"""

{imports}

PLAN = plan_from_json(
    rb"""
{plan}
"""
)
TARGET = {target}
TIMES = {times}  # so many green runs: it is fixed, at a risk of {risk:.0%} at the rate above


def {name}() -> None:
    for _ in range(TIMES):
        run_plan(PLAN, TARGET, only=[{codes}])
'''


def file_name(failure: Failure) -> str:
    """``test_HF201_3461cc.py``."""
    return f"test_{_word(failure.fingerprint)}.py"


def pytest_file(failure: Failure, folder: Path) -> str:
    """Python that needs only hubfuzz and the target; a target file is named as it is seen from ``folder``."""
    imports, target = _target(failure, folder)
    rate = failure.rate
    return TEMPLATE.format(
        title=_comment(f"{failure.fingerprint} {failure.name}: {failure.finding.summary}"),
        story=_story(failure),
        rate=f"It failed {rate.failed} times in {rate.runs} runs." if rate else "Its rate was not measured.",
        tool=_comment(failure.tool) or "hubfuzz",
        imports="\n".join(_imports(imports)),
        plan=_batch_by_batch(failure.plan),
        target=target,
        times=repeats(rate.failed, rate.runs) if rate else repeats(1, 1),
        risk=RISK,
        name=f"test_{_word(failure.fingerprint.lower())}_{_word(failure.name)}".rstrip("_"),
        codes=", ".join(json.dumps(code) for code in dict.fromkeys((failure.code, CRASH))),
    )


def _imports(own: list[str]) -> list[str]:
    """In the order in which formatters put them."""
    lines = [*own, "from fuzzer import run_plan", "from fuzzer.plan import plan_from_json"]
    standard = sorted(line for line in lines if line.startswith("from pathlib"))
    return [*standard, *([""] if standard else []), *_merged(sorted(set(lines) - set(standard)))]


def _merged(lines: list[str]) -> list[str]:
    """``from fuzzer import A`` and ``from fuzzer import b`` in one line."""
    names: dict[str, list[str]] = {}
    for line in lines:
        module, _, name = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, []).append(name)
    return [f"from {module} import {', '.join(found)}" for module, found in sorted(names.items())]


def _target(failure: Failure, folder: Path) -> tuple[list[str], str]:
    """Imports and expression: the embedded hub, a target file, or all that is stored."""
    if failure.hub:
        return _embedded(failure.hub)
    source = str(failure.target.get("source", ""))
    if source:
        return _from_file(source, failure.target, folder)
    imports = ["from fuzzer.target.store import restored", "from fuzzer.target.store import target_from_json"]
    return imports, f'restored(target_from_json(rb"""\n{_ascii(msgspec.json.encode(failure.target))}\n"""))'


def _embedded(hub: dict[str, Any]) -> tuple[list[str], str]:
    given = msgspec.structs.asdict(_knobs(hub))
    knobs = ", ".join(f"{name}={_quoted(value)}" for name, value in given.items() if value != getattr(Knobs(), name))
    imports = ["from fuzzer.hub.knobs import Knobs", "from fuzzer.hub.target import embedded_target"]
    return imports, f"embedded_target({_quoted(hub.get('bug'))}, Knobs({knobs}))"


def _knobs(hub: dict[str, Any]) -> Knobs:
    """Checked, because it becomes code. Raises ``DamagedFile``."""
    try:
        return msgspec.convert(hub.get("knobs", {}), Knobs)
    except msgspec.ValidationError as error:
        raise DamagedFile(f"hub.knobs: {error}") from None


def _from_file(source: str, target: dict[str, Any], folder: Path) -> tuple[list[str], str]:
    """A server that was not started by hubfuzz is looked for where it was."""
    relative = os.path.relpath(source, folder)
    at = "" if target.get("start") else f".at({_quoted(target.get('url', ''))})"
    return ["from pathlib import Path", "from fuzzer import Target"], (
        f"Target.load(Path(__file__).parent / {_quoted(relative)}){at}"
    )


def _batch_by_batch(plan: Plan) -> str:
    """The plan as JSON, one batch a line."""
    tree = json.loads(plan_to_json(plan))
    batches = ",\n".join(f"  {json.dumps(batch)}" for batch in tree.pop("batches"))
    head = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in tree.items())
    return f'{{{head}, "batches": [\n{batches}\n]}}'


def _ascii(data: bytes) -> str:
    """JSON that may stand in a raw bytes literal: it holds no three quotes in a row, and no sign above 127."""
    return json.dumps(json.loads(data), indent=1)


def _story(failure: Failure) -> str:
    story = story_of(failure.plan, failure.finding)
    lines = [
        *(f"Given {clause}" for clause in story.given),
        *(f"When {clause}" for clause in story.when),
        f"Then {story.then}",
        f"But {story.but}",
    ]
    return "\n".join(_comment(line) for line in lines)


def _comment(line: str) -> str:
    """Text that can neither end the docstring nor escape anything in it."""
    return shown(line, 400).replace("\\", "/").replace('"', "'")


def _quoted(value: object) -> str:
    """A literal in the quotes that formatters use; what JSON escapes, Python reads alike."""
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text)
