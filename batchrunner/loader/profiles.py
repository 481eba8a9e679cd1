"""A profile of a project file, laid over the rest of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchrunner.errors import UsageError
from batchrunner.loader.merging import merged
from batchrunner.printable import brief
from batchrunner.suggestions import did_you_mean, listed

if TYPE_CHECKING:
    from batchrunner.projectdocuments import ProjectDocument

_WHOLE = ("api_key", "base_url")
"""Fields of a provider of which one value replaces the other: a file laid over a variable would leave two."""


def in_force(document: Mapping[str, Any], profile: str, path: str) -> dict[str, Any]:
    """A sound project file's content with `profile` laid over it, empty for none. Raises `UsageError`."""
    if not profile:
        return dict(document)
    profiles = document.get("profiles") or {}
    if profile not in profiles:
        raise unknown_profile(profile, profiles, path)
    said = {key: value for key, value in profiles[profile].items() if value is not None}
    return {
        **document,
        **said,
        "providers": with_entries(document.get("providers") or {}, said.get("providers") or {}),
        "policy": {**(document.get("policy") or {}), **(said.get("policy") or {})},
    }


def name_in_force(document: "ProjectDocument", profile: str) -> str:
    """The name of a project that goes into idempotency keys; `document` has `profile` laid over it.

    A profile that names no project is one of its own, `NAME:PROFILE`, as no project can be called: were the keys the
    same, a provider might answer a production create with the batch of a trial.
    """
    if profile and not document.profiles[profile].project:
        return f"{document.project or ''}:{profile}"
    return document.project or ""


def with_entries(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of providers in `below` with those in `above` laid over them."""
    return {**below, **{name: _entry(below.get(name) or {}, entry) for name, entry in above.items()}}


def _entry(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    return {**merged(below, above), **{key: above[key] for key in _WHOLE if key in above}}


def unknown_profile(profile: str, known: Mapping[str, Any], path: str) -> UsageError:
    """What to say of a profile that the project file at `path`, empty for none, does not have."""
    if not path:
        return UsageError("unknown-profile", f"there is no profile `{brief(profile)}`",
                          why="Profiles are in a project file, and there is none here.",
                          hint="name the file with --project FILE, or leave out --profile")  # fmt: skip
    near = did_you_mean(profile, known) or (f"it has {listed(known)}" if known else "it has no `profiles:`")
    return UsageError("unknown-profile", f"there is no profile `{brief(profile)}`", where=path, hint=near)
