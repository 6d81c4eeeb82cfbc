"""The JSON Schema of the target file, so that editors complete and check it."""

from __future__ import annotations

from typing import Any

import msgspec

from fuzzer.target.tables import TargetFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def target_schema() -> dict[str, Any]:
    """Made from the same structs that read the file, with the two liberties that ``with_defaults`` takes."""
    schema = {"$schema": DRAFT, "title": "hubfuzz target file", **msgspec.json.schema(TargetFile)}
    tables = schema["$defs"]
    for name in ("JsonProtocol", "ClassProtocol"):
        tables[name]["required"].remove("kind")
    tables["TargetFile"]["properties"]["protocol"].pop("discriminator", None)
    counts = tables["Probe"]["properties"].pop("counts")
    tables["Probe"]["additionalProperties"] = counts["additionalProperties"]
    return schema
