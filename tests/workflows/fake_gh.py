"""``gh issue`` as far as the workflows use it: issues in the file $GH_ISSUES, and no option that the real one has not.

The search is as vague as GitHub's: it finds each title that has a part of the word.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ISSUES = Path(os.environ["GH_ISSUES"])
Issue = dict[str, Any]


def main() -> int:
    """One command; the exit code."""
    given = _parser().parse_args()
    issues: list[Issue] = json.loads(ISSUES.read_text()) if ISSUES.exists() else []
    if given.command == "list":
        return _list(issues, given)
    if given.command == "create":
        body = Path(given.body_file).read_text()
        issues.append({"number": len(issues) + 11, "title": given.title, "state": "open", "said": [body]})
    else:
        _change(next(issue for issue in issues if issue["number"] == given.number), given)
    ISSUES.write_text(json.dumps(issues))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gh", allow_abbrev=False)
    parser.add_argument("issue", choices=["issue"])
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list")
    listing.add_argument("--state", choices=["open", "closed", "all"], default="open")
    for option in ("--search", "--json", "--jq"):
        listing.add_argument(option, required=True)
    creating = commands.add_parser("create")
    for option in ("--title", "--body-file"):
        creating.add_argument(option, required=True)
    for name, option in (("reopen", "--comment"), ("close", "--comment"), ("comment", "--body-file")):
        command = commands.add_parser(name)
        command.add_argument("number", type=int)
        command.add_argument(option, required=name == "comment")
    return parser


def _list(issues: list[Issue], given: argparse.Namespace) -> int:
    words = set(re.findall(r"\w+", given.search.removesuffix(" in:title")))
    found = [
        {field: issue[field] for field in given.json.split(",")}
        for issue in reversed(issues)
        if given.state in ("all", issue["state"]) and words & set(re.findall(r"\w+", issue["title"]))
    ]
    return subprocess.run(["jq", "-r", given.jq], input=json.dumps(found), text=True, check=False).returncode


def _change(issue: Issue, given: argparse.Namespace) -> None:
    if given.command == "comment":
        issue["said"].append(Path(given.body_file).read_text())
        return
    issue["state"] = {"close": "closed", "reopen": "open"}[given.command]
    issue["said"] += [given.comment] if given.comment else []


if __name__ == "__main__":
    sys.exit(main())
