"""What is known of the providers that are built in, as a page for people, made from the facts that the code uses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from batchrunner.facts import Limits, Paths, ProviderFacts
from batchrunner.remote import TERMINAL, RemoteStatus
from batchrunner.render.units import count, size

_INTRODUCTION = """\
# Providers

What batchrunner knows of each provider, made from the facts that it works with; a test keeps the two the same. Each
can be said otherwise in the project file, under `providers.NAME`: `batchrunner schema project` describes them.
"Not known" means that the provider does not document it: batchrunner then does not check it.

No provider but AlphaEdge is taken to honour a key on a create. What happens to a create without an answer is said by
its idempotency: `header` sends it again under the same key, `list-match` looks for it in the provider's list first,
and `none` holds it for you to `batchrunner resolve`.

Statuses are OpenAI's words: {statuses}. {ends} are an end. A word that nobody knows is not.
"""
_OTHERS = """\
## Any other server

A server that speaks as one of these needs an entry in the project file and no code. It has the facts of its dialect,
but for prices, and for `openai` also but for windows and the rule of one model in a file:

```yaml
# batchrunner.yaml
providers:
  in-house:
    dialect: openai
    base_url: https://llm.example.com
    api_key: {env: IN_HOUSE_API_KEY}
    statuses: {reticulating: in_progress}    # words of its own
    paths:                                   # where they do not start with /v1
      create_batch: /compatible-mode/v1/batches
      upload_file: /compatible-mode/v1/files
      list_files: /compatible-mode/v1/files
      file: "/compatible-mode/v1/files/{id}"
      file_content: "/compatible-mode/v1/files/{id}/content"
```

A dialect of your own is a class that comes with a package, by an entry point of the group `batchrunner.providers`; see
the docstring of `batchrunner.providers`. `batchrunner.testing` has the checks that it must pass.
"""
_CALLS = {
    "create_batch": "create a batch",
    "batch": "look at a batch",
    "list_batches": "list batches",
    "cancel_batch": "cancel a batch",
    "results": "results of a batch",
    "upload_file": "upload a file",
    "list_files": "list files",
    "file": "delete a file",
    "file_content": "download a file",
}
_METHODS = {"create_batch": "POST", "cancel_batch": "POST", "upload_file": "POST", "file": "DELETE"}
_LIMITS = {
    "max_requests": "requests in a batch",
    "max_bytes": "bytes of an input",
    "max_tokens": "input tokens of a batch",
    "max_enqueued_tokens": "enqueued tokens of a model",
    "max_embedding_inputs": "texts to embed in a batch",
    "max_custom_id": "characters of a `custom_id`",
    "max_metadata": "entries of metadata",
    "max_metadata_key": "characters of a key of metadata",
}
_IDEMPOTENCY = {
    "header": "`header`: the same key is honoured for {hours} hours",
    "body": "`body`: the same key in the body is honoured for {hours} hours",
    "list-match": "`list-match`: found again in the list, by {match}",
    "none": "`none`: what was not answered waits for a person",
}
_LINES = {
    "full": "`custom_id`, `method`, `url`, `body`",
    "bare": "`custom_id`, `body`; `method` and `url` may be left out",
    "params": "`custom_id`, `params`",
}
_NOTES = {
    "alphaedge": "the create alone is documented; the other calls follow the common convention, and may be missing",
    "anthropic": "a batch that has ended is `cancelled` or `expired` where some of its requests are",
    "azure": "batches are not ended at 24 hours; `endpoint` is what your deployment has",
    "together": "some models cost up to half less; say so with `prices` or `discount`",
}


def providers_page(providers: Mapping[str, ProviderFacts]) -> str:
    """The page, as Markdown: an overview, and a table of each provider in the order of their names."""
    words = [word for word in get_args(RemoteStatus) if word != "unknown"]
    ends = [word for word in words if word in TERMINAL]
    parts = [
        _INTRODUCTION.format(statuses=_joined(words), ends=_joined(ends).capitalize()),
        "\n".join(_overview(providers)) + "\n",
    ]
    parts += ["\n".join(_section(name, facts)) + "\n" for name, facts in sorted(providers.items())]
    return "\n".join([*parts, _OTHERS])


def _overview(providers: Mapping[str, ProviderFacts]) -> Iterator[str]:
    yield "| provider | dialect | key from | idempotency | metadata | windows | costs less by |"
    yield "|---|---|---|---|---|---|---|"
    for name, facts in sorted(providers.items()):
        cells = (name, facts.dialect, f"`{facts.api_key.env}`", facts.idempotency, facts.metadata)
        yield f"| {' | '.join((*cells, _windows(facts), _discount(facts)))} |"


def _section(name: str, facts: ProviderFacts) -> Iterator[str]:
    yield from (f"## {name}", "", "| what | value |", "|---|---|")
    for what, value in _rows(name, facts):
        yield f"| {what} | {value} |"


def _rows(name: str, facts: ProviderFacts) -> Iterator[tuple[str, str]]:
    yield "origin", _origin(facts)
    yield "key", f"`{facts.api_key.env}`, sent {_auth(facts)}"
    if facts.headers:
        yield "headers", ", ".join(f"`{header}: {value}`" for header, value in sorted(facts.headers.items()))
    yield from _paths(facts.paths)
    yield "endpoints", _listed(facts.endpoints)
    yield "windows", _windows(facts)
    yield "a request line has", _LINES[facts.request_lines]
    if facts.custom_ids == "word":
        yield "a `custom_id` is made of", "letters, digits, `_` and `-`"
    yield "models in one batch", "one" if facts.one_model else "any number"
    yield from _limits(facts.limits)
    yield "metadata", "sent, with batchrunner's own" if facts.metadata == "sent" else "kept in state only"
    yield "idempotency", _idempotency(facts)
    yield "statuses", _statuses(facts)
    if name in _NOTES:
        yield "note", _NOTES[name]
    yield "looked at", f"every {facts.polling.base_seconds:g} to {facts.polling.cap_seconds:g} seconds"
    yield "costs less than live calls by", _discount(facts)


def _origin(facts: ProviderFacts) -> str:
    if facts.origin.startswith("$"):
        return f"what `{facts.origin_env}` says"
    return f"`{facts.origin}`" + (f", or what `{facts.origin_env}` says" if facts.origin_env else "")


def _auth(facts: ProviderFacts) -> str:
    return "as a bearer" if facts.auth == "bearer" else f"in the header `{facts.auth}`"


def _paths(paths: Paths) -> Iterator[tuple[str, str]]:
    offered = {name: path for name in _CALLS if (path := getattr(paths, name)) is not None}
    for name, path in offered.items():
        shown = path.replace("{batches}", paths.create_batch or "")
        yield _CALLS[name], f"`{_METHODS.get(name, 'GET')} {shown}`"
    missing = [_CALLS[name] for name in _CALLS if name not in offered and name != "results"]
    if missing:
        yield "not offered", ", ".join(missing)


def _limits(limits: Limits) -> Iterator[tuple[str, str]]:
    for name, words in _LIMITS.items():
        most = getattr(limits, name)
        if most is not None:
            yield f"most {words}", size(most) if name == "max_bytes" else count(most)
    unknown = [words for name, words in _LIMITS.items() if getattr(limits, name) is None]
    yield "limits not known", ", ".join(unknown) if unknown else "none"


def _windows(facts: ProviderFacts) -> str:
    return _listed(facts.completion_windows).replace("..", " to ")


def _listed(values: tuple[str, ...] | None) -> str:
    return "not known" if values is None else ", ".join(f"`{value}`" for value in values)


def _idempotency(facts: ProviderFacts) -> str:
    match = "metadata, else by its own uploaded file" if facts.metadata == "sent" else "its own uploaded file"
    return _IDEMPOTENCY[facts.idempotency].format(hours=f"{facts.key_ttl_seconds / 3600:g}", match=match)


def _statuses(facts: ProviderFacts) -> str:
    own = [f"`{said}` is `{meant}`" for said, meant in sorted(facts.statuses.items())]
    return ", ".join(own) or "OpenAI's words"


def _joined(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _discount(facts: ProviderFacts) -> str:
    return "not known" if facts.discount is None else f"{facts.discount:.0%}"
