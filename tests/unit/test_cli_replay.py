"""What ``hubfuzz replay`` refuses, and why: nothing in a failure file is taken on trust."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from histories import H

from fuzzer.campaign.failure import Failure, failure_to_json
from fuzzer.campaign.store import Stored
from fuzzer.cli.app import call
from fuzzer.cli.replay import ReplayOptions, target_for
from fuzzer.cli.replay_files import own_name
from fuzzer.hub.bugs import BUGS
from fuzzer.plan import Batch, Open, Plan, Send
from fuzzer.replayable import plan_of
from fuzzer.target.errors import TargetError
from fuzzer.values import DamagedFile
from fuzzer.verdict import Finding

FINDING = Finding("HF201", "violated", "limit", "two at once", "at most 1", "2")
OPTIONS = ReplayOptions("x", 20, None, None, None, (), False, Path("failures"), None, Path("reports"))
FAR = msgspec.json.encode(
    {
        "format": "hubfuzz-target/1",
        "name": "far",
        "url": "ws://192.0.2.7:9/ws?user={user}",
        "protocol": {
            "kind": "json",
            "publish": '{"id": "{id}", "body": "{body}"}',
            "deliver": {"match": {"type": "message"}, "id": "id", "body": "body"},
        },
        "policy": {"limit": {"max": 1}},
    }
)


def a_failure(plan: Plan, **fields: Any) -> Failure:
    return Failure("HF201-3461cc", "HF201", plan, plan, H().history(), FINDING, "limit-exceeded", **fields)


def of_the_hub(bug: str = "S17") -> Failure:
    knobs = msgspec.to_builtins(BUGS["S17"].knobs)
    return a_failure(BUGS["S17"].least, hub={"bug": bug, "knobs": knobs})


def elsewhere(**fields: Any) -> Failure:
    return a_failure(BUGS["S17"].least, target=msgspec.json.decode(FAR), **fields)


def stored(folder: Path, *failures: Failure) -> Path:
    folder.mkdir(exist_ok=True)
    for number, failure in enumerate(failures):
        (folder / f"{failure.fingerprint}-{number}.json").write_bytes(failure_to_json(failure))
    return folder


def test_a_stored_target_on_another_machine_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["replay", str(stored(tmp_path / "f", elsewhere()))]) == 2
    out, err = capsys.readouterr()
    assert out == "ERROR         HF201-3461cc limit-exceeded\n"
    assert err == (
        "hubfuzz: HF201-3461cc: target.url: 192.0.2.7 is not this machine; "
        "if you may fuzz it, say --allow-host 192.0.2.7\n"
    )


def test_it_is_taken_if_its_host_is_named_and_its_protocol_if_the_server_is_here() -> None:
    assert target_for(elsewhere(), replace(OPTIONS, allow_host=("192.0.2.7",))).url.startswith("ws://192.0.2.7:9/")
    here = target_for(elsewhere(), replace(OPTIONS, url="ws://127.0.0.1:8000"))
    assert here.url == "ws://127.0.0.1:8000/ws?user={user}"
    with pytest.raises(Exception, match=r"^--url: 192.0.2.9 is not this machine"):
        target_for(elsewhere(), replace(OPTIONS, url="ws://192.0.2.9:8000", allow_host=("192.0.2.7",)))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(()), "damaged plan: no op in it"),
        (Plan((Batch((Send(conn="zz", msg="m0"),)),)), "damaged plan: batch 0, send zz: zz was never opened"),
        (Plan((Batch((Open(conn="a", user="u0"),)), Batch(()))), "damaged plan: batch 1: no op"),
    ],
)
def test_a_damaged_plan_is_not_fixed(plan: Plan, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failure = msgspec.structs.replace(of_the_hub(), plan=plan)
    with pytest.raises(DamagedFile):
        plan_of(failure)
    assert call(["replay", str(stored(tmp_path / "f", failure))]) == 2
    assert capsys.readouterr().err == f"hubfuzz: HF201-3461cc: {said}\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("plan",), "$.plan"),
        (("history", "events"), "$.history.events"),
        (("finding",), "$.finding"),
        (("fingerprint",), "$.fingerprint"),
    ],
)
def test_a_damaged_failure_file_is_one_line(
    change: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "HF201-3461cc.json"
    tree = msgspec.json.decode(failure_to_json(of_the_hub()))
    inner = tree
    for key in change[:-1]:
        inner = inner[key]
    inner[change[-1]] = 3
    path.write_bytes(msgspec.json.encode(tree))
    for command in ("replay", "check"):
        assert call([command, str(path)]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"hubfuzz: {path}: not a hubfuzz-failure/1 file: ")
        assert said in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("hub", "said"),
    [
        ({"bug": "S99"}, "hub.bug: there is no seeded bug 'S99'"),
        ({"bug": 3}, "hub.bug: found 3, expected a code like S15"),
        ({"bug": "S17", "knobs": {"limit": "x"}}, "hub.knobs: Expected `int`, got `str`"),
    ],
)
def test_a_damaged_hub_is_one_line(
    hub: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["replay", str(stored(tmp_path / "f", a_failure(BUGS["S17"].least, hub=hub)))]) == 2
    assert capsys.readouterr().err.startswith(f"hubfuzz: HF201-3461cc: {said}")


def test_a_policy_under_which_it_cannot_fail_is_no_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unlimited = msgspec.json.decode(FAR.replace(b"192.0.2.7", b"127.0.0.1"))
    del unlimited["policy"]
    failure = a_failure(BUGS["S17"].least, target=unlimited)
    assert call(["replay", str(stored(tmp_path / "f", failure))]) == 2
    assert (
        "HF201 limit-exceeded is switched off by the policy of far (see policy.limit, policy.max_rooms)"
        in capsys.readouterr().err
    )


def test_an_invariant_of_another_version_is_no_fix() -> None:
    newer = msgspec.structs.replace(of_the_hub(), code="HF999")
    with pytest.raises(TargetError, match=r"^this version knows no invariant HF999$"):
        target_for(newer, OPTIONS)


def test_a_good_failure_is_replayed_beside_a_damaged_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stored(tmp_path / "f", of_the_hub())
    (folder / "HF101-aaaaaa.json").write_text('{"format": "hubfuzz-failure/1"')
    assert call(["replay", str(folder), "--times", "3"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("FAILED 3/3    HF201-3461cc limit-exceeded\n")
    assert out.endswith(f"ERROR         {folder}/HF101-aaaaaa.json\n")
    assert err.startswith(f"hubfuzz: {folder}/HF101-aaaaaa.json: not JSON")
    assert call(["replay", str(folder / "HF201-3461cc-0.json"), "--times", "10", "--bug", "none"]) == 0
    assert capsys.readouterr().out == "FIXED 0/10    HF201-3461cc limit-exceeded\n"


@pytest.mark.parametrize(
    ("file", "name", "own"),
    [
        ("HF201-3461cc.json", "HF201-3461cc.html", "HF201-3461cc.html"),
        ("HF201-3461cc-2.json", "HF201-3461cc.html", "HF201-3461cc_2.html"),
        ("HF201-3461cc-2.json", "test_HF201_3461cc.py", "test_HF201_3461cc_2.py"),
        ("renamed-2.json", "HF201-3461cc.html", "HF201-3461cc.html"),
        ("HF101-a553da-2.json", "HF201-3461cc.html", "HF201-3461cc.html"),  # it came in place of that failure
    ],
)
def test_reports_of_two_targets_with_one_fingerprint_do_not_replace_each_other(file: str, name: str, own: str) -> None:
    assert own_name(name, elsewhere(), Stored(Path(file), elsewhere())) == own


def test_a_fingerprint_means_the_failures_of_all_targets_in_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored(tmp_path / "f", elsewhere(), elsewhere())
    assert call(["replay", "HF201-3461cc", "--failures", str(folder)]) == 2
    assert capsys.readouterr().out == "ERROR         HF201-3461cc limit-exceeded\n" * 2
    assert call(["replay", "hf201-3461cc-1", "--failures", str(folder)]) == 2
    assert capsys.readouterr().out == "ERROR         HF201-3461cc limit-exceeded\n"
