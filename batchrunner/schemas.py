"""JSON Schema (draft 2020-12) of the two files, for editors and linters, made from the models that check them."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Literal

Which = Literal["spec", "project"]
Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{[^}]+\}"}
_REFERRING: Mapping[str, Collection[str]] = {
    "BatchEntry": ("name", "matrix", "exclude"),
    "BatchFields": (),
    "Shard": (),
    "TableFields": ("custom_id", "body"),
}
"""Models whose fields may hold references, and the fields that may not, or that take any text already."""

_OFFERED: Mapping[str, str] = {
    "batch": "Where a batch is asked for.",
    "list_batches": "Where batches are listed.",
    "cancel_batch": "Where a batch is stopped.",
    "results": "Where results are downloaded by the id of the batch.",
    "upload_file": "Where a file is uploaded.",
    "list_files": "Where uploaded files are listed.",
    "file": "Where a file is deleted.",
    "file_content": "Where a file is downloaded.",
}
"""Paths that may be null, where the call is not offered."""

_NULLABLE = {
    ("ProviderEntry", "endpoints"),
    ("ProviderEntry", "completion_windows"),
    ("ProviderEntry", "input_expires_after_seconds"),
    ("ProviderEntry", "price_list"),
    ("ProviderEntry", "discount"),
    *(("Paths", name) for name in _OFFERED),
    ("Limits", "max_in_flight"),
    ("Limits", "max_requests"),
    ("Limits", "max_bytes"),
    ("Limits", "max_tokens"),
    ("Limits", "max_enqueued_tokens"),
    ("Limits", "max_embedding_inputs"),
    ("Limits", "max_metadata"),
    ("Limits", "max_metadata_key"),
}
"""Fields, by model, where null says something other than leaving them out."""

# The provider models have no texts of their own: what their numbers mean is said where they are used.
_TEXTS: Mapping[str, Mapping[str, str]] = {
    "SecretReference": {
        "env": "The environment variable that holds it.",
        "file": "The file that holds it.",
        "oidc": "How a workload's own token is exchanged for one: nothing is stored.",
    },
    "Paths": {
        "create_batch": "Where a batch is created.",
        **{
            name: f"{text[:-1]}; null where that is not offered. `{{id}}` is the file's or the batch's, `{{batches}}`"
            " the path of the create."
            for name, text in _OFFERED.items()
        },
    },
    "Limits": {
        "max_in_flight": "Requests of ours that may be open at once.",
        "max_requests": "Request lines in one batch.",
        "max_bytes": "Bytes in one input file.",
        "max_tokens": "Input tokens in one batch, taken as a quarter of its bytes.",
        "max_enqueued_tokens": "Input tokens in all batches of one model that have not ended.",
        "max_embedding_inputs": "Texts to embed in one batch, over all its requests.",
        "max_custom_id": "Characters of a custom_id.",
        "max_metadata": "Entries of metadata that is sent, five of batchrunner's own among them.",
        "max_metadata_key": "Characters of a key of metadata.",
        "max_line_bytes": "Bytes in one line of an input file.",
        "max_reply_bytes": "Bytes of a reply that are read.",
    },
    "ModelPrice": {
        "input": "For a million input tokens.",
        "output": "For a million output tokens.",
    },
    "Retry": {
        "attempts": "How often one request is sent in a run, at most.",
        "base_seconds": "The first wait before a repetition, before jitter.",
        "cap_seconds": "The longest such wait.",
        "retry_after_cap_seconds": "The longest Retry-After that is waited for; a longer one ends the attempt for now.",
        "budget": "Tokens of a run; a failure takes one, and below half of them nothing is repeated.",
        "budget_refill": "Tokens that a success gives back.",
    },
    "Timeouts": {
        "connect_seconds": "Seconds until a connection is given up.",
        "create_seconds": "Seconds until one attempt to create a batch is given up, in total.",
        "upload_seconds": "Seconds until one attempt to upload a file is given up, in total.",
        "look_seconds": "Seconds until one call that only asks, or cancels, is given up, in total.",
        "download_idle_seconds": "Seconds without a byte until an attempt to download is given up.",
    },
    "Polling": {
        "base_seconds": "Seconds between two looks at a batch, at first.",
        "cap_seconds": "The longest wait between two looks.",
        "settle_seconds": "Seconds after an unanswered create in which a list may not show it yet.",
        "gone_looks": "How many looks in a row must not find a batch until it is believed to be gone.",
        "gone_seconds": "Over how many seconds they must be spread, at least.",
        "overdue_seconds": "Seconds after its expiry that a batch which has not ended is still waited for.",
        "late_output_seconds": "Seconds after its end in which a batch with errors alone may still name answers.",
    },
}


def schema_text(which: Which) -> str:
    """The schema of a spec or of the project file as JSON text, two spaces deep, ending in a line end."""
    return json.dumps(_schema(which), indent=2, ensure_ascii=False) + "\n"


def _schema(which: Which) -> Schema:
    # Only `schema` needs these models as a whole, and importing them takes as long as loading a spec.
    from batchrunner.documents import SpecDocument
    from batchrunner.projectdocuments import ProjectDocument

    title, model = (
        ("A batchrunner spec", SpecDocument) if which == "spec" else ("A batchrunner project", ProjectDocument)
    )
    made: Schema = model.model_json_schema()
    parts = made.pop("$defs")
    for name, part in [("", made), *parts.items()]:
        _tidy(name, part)
    for name, written_out in _REFERRING.items():
        if name in parts:
            _accept_references(parts[name]["properties"], written_out)
    made |= {"title": title, "patternProperties": {"^x-": True}}
    return {"$schema": DIALECT, "$id": f"{which}.schema.json", **made, "$defs": parts}


def _tidy(name: str, model: Schema) -> None:
    """Take out what speaks of Python: field titles, null for what is merely left out, all but a docstring's start."""
    model.pop("title", None)
    model["description"] = model["description"].partition("\n\n")[0].replace("\n", " ").replace("`None`", "null")
    model["properties"] = {key: _field(name, key, value) for key, value in model["properties"].items()}


def _field(model: str, name: str, schema: Schema) -> Schema:
    described: Schema = {"description": _TEXTS.get(model, {}).get(name, ""), **schema}
    described.pop("title", None)
    if described.get("default", ...) is None:
        del described["default"]
    if (model, name) not in _NULLABLE:
        described = _without_null(described)
    closed: Schema = _closed(described)
    return closed


def _without_null(schema: Schema) -> Schema:
    """`schema` without the alternative of being null; a single one that is left takes the place of the choice."""
    if "anyOf" not in schema:
        return schema
    left = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **left[0]} if len(left) == 1 else {**rest, "anyOf": left}


def _closed(schema: Any) -> Any:
    """`schema` with every mapping of named things closed to names that are none."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if "patternProperties" in closed else closed


def _accept_references(fields: dict[str, Schema], written_out: Collection[str]) -> None:
    for name, schema in fields.items():
        if name not in written_out:
            fields[name] = _or_reference(schema)


def _or_reference(schema: Schema) -> Schema:
    if isinstance(schema.get("additionalProperties"), dict):
        return {**schema, "additionalProperties": _or_reference(schema["additionalProperties"])}
    said = {key: value for key, value in schema.items() if key in {"description", "default"}}
    return {**said, "anyOf": [{key: value for key, value in schema.items() if key not in said}, _REFERENCE]}
