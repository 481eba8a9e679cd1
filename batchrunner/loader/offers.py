"""What the providers in force offer, and declarations that ask for something else."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from batchrunner.facts import Limits, ProviderFacts
from batchrunner.printable import brief
from batchrunner.remote import TAG_NAMES
from batchrunner.spec import BatchDeclaration
from batchrunner.suggestions import did_you_mean, listed
from batchrunner.windows import is_offered

Asked = tuple[str, str, str]
"""Provider, endpoint and completion window of a declaration."""


class Refusal(NamedTuple):
    """Why a field of a declaration cannot be had; `entry` is the entry of it that is meant, empty for all of it."""

    field: str
    code: str
    message: str
    hint: str
    entry: str = ""


class Offers:
    """The providers by name. What has been looked at once is not looked at again."""

    def __init__(self, providers: Mapping[str, ProviderFacts]) -> None:
        self._providers = providers
        self._refusals: dict[Asked, tuple[Refusal, ...]] = {}

    def refusals(self, asked: Asked) -> tuple[Refusal, ...]:
        """Each field of `asked` that its provider does not offer."""
        known = self._refusals.get(asked)
        if known is None:
            known = self._refusals[asked] = tuple(self._refused(*asked))
        return known

    def misfits(self, declared: BatchDeclaration) -> Iterator[Refusal]:
        """What of `declared`, whose provider there is, does not fit into what that takes."""
        facts = self._providers.get(declared.provider)
        if facts is None:
            return
        if facts.request_lines == "params" and declared.input_file_id is not None:
            words = f"`{declared.provider}` takes no files: requests travel in the create"
            yield Refusal("input_file_id", "no-files", words, "write `input:` and the path of a local file")
        if facts.metadata == "sent" and declared.metadata:
            yield from _unfit_metadata(declared, facts.limits)

    def _refused(self, provider: str, endpoint: str, window: str) -> Iterator[Refusal]:
        facts = self._providers.get(provider)
        if facts is None:
            hint = did_you_mean(provider, self._providers) or f"known are {listed(self._providers)};"
            message = f"there is no provider `{brief(provider)}`"
            yield Refusal("provider", "unknown-provider", message, f"{hint} batchrunner.yaml can add others")
            return
        if facts.endpoints is not None and endpoint not in facts.endpoints:
            yield _not_offered("endpoint", provider, endpoint, facts.endpoints)
        if facts.completion_windows is not None and not is_offered(window, facts.completion_windows):
            yield _not_offered("completion_window", provider, window, facts.completion_windows)


def _unfit_metadata(declared: BatchDeclaration, limits: Limits) -> Iterator[Refusal]:
    most, longest = limits.max_metadata, limits.max_metadata_key
    kept = f"or keep it in state only: `providers.{declared.provider}.metadata: kept` in batchrunner.yaml"
    if most is not None and len(declared.metadata) + len(TAG_NAMES) > most:
        left = max(0, most - len(TAG_NAMES))
        words = f"`{declared.provider}` takes {most} entries of metadata, and {len(TAG_NAMES)} are batchrunner's own"
        yield Refusal("metadata", "too-much-metadata", words, f"leave {left} at most, {kept}")
    for key in declared.metadata:
        if key in TAG_NAMES:
            words = f"the key `{key}` is batchrunner's own: it tells which submission a batch is"
            yield Refusal("metadata", "reserved-metadata", words, "use another key", key)
        elif longest is not None and len(key) > longest:
            words = f"`{declared.provider}` takes keys of metadata of at most {longest} characters"
            yield Refusal("metadata", "metadata-key-too-long", words, f"shorten it, {kept}", key)


def _not_offered(name: str, provider: str, value: str, offered: tuple[str, ...]) -> Refusal:
    words = name.replace("completion_", "")
    hint = did_you_mean(value, offered) or f"it has {listed(offered)};"
    return Refusal(
        field=name,
        code=f"unknown-{words}",
        message=f"`{provider}` is not known to offer the {words} `{brief(value)}`",
        hint=f"{hint} others can be listed in batchrunner.yaml under `providers.{provider}.{name}s`",
    )
