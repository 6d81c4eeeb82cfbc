"""Self-contained HTML: styles and scripts stand in the page, and its policy lets it load nothing and run nothing else.

The policy names the hashes of the page's own style and script, so that not even a mistake in a template could make
text from outside run; ``default-src 'none'`` forbids every request (CSP Level 3, 6.1 and 8.3).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).parent / "templates"


def page(template: str, styles: Sequence[str], scripts: Sequence[str], **values: object) -> str:
    """A whole page from a template of ours; all ``values`` are escaped."""
    css, script = _joined(styles), _joined(scripts)
    return (
        _environment()
        .get_template(template)
        .render(**values, css=Markup(css), script=Markup(script), csp=_policy(css, script))
    )


def _policy(css: str, script: str) -> str:
    run = f"script-src 'sha256-{_digest(script)}'; " if script else ""
    shown = f"style-src 'sha256-{_digest(css)}'; img-src data:"
    return f"default-src 'none'; {run}{shown}; form-action 'none'; base-uri 'none'"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _joined(names: Sequence[str]) -> str:
    return "\n".join(_source(name) for name in names)


@cache
def _source(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
