"""The project file: strict like a spec, and with nothing in it that has to be kept secret."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from batchrunner.catalog import built_in
from batchrunner.errors import InvalidFiles
from batchrunner.extensions import Providers, brought_facts, inherited
from batchrunner.facts import ProviderFacts
from batchrunner.loader.explaining import findings_in, kind_of
from batchrunner.loader.federating import exchange_facts
from batchrunner.loader.files import read_file
from batchrunner.loader.findings import (
    Finding,
    Findings,
    Source,
    document_diagnostics,
    in_file_order,
    text_diagnostics,
)
from batchrunner.loader.heads import check_version
from batchrunner.loader.hooking import webhook_of
from batchrunner.loader.merging import merged
from batchrunner.loader.profiles import in_force, name_in_force
from batchrunner.loader.projectchecks import Checks
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText
from batchrunner.origins import checked_origin
from batchrunner.project import Policy, Project
from batchrunner.projectdocuments import ProjectDocument
from batchrunner.providerdocuments import ProviderEntry, UrlReference
from batchrunner.records import converted, plain

_NULLABLE = frozenset({"endpoints", "completion_windows", "input_expires_after_seconds", "price_list", "discount"})
"""Fields of a provider where null says something: that nothing is known, or asked for."""


def read_project(path: str, profile: str = "") -> Project:
    """The project whose file is `path`, as `parse_project` reads it."""
    return parse_project(read_file(path), profile)


def parse_project(source: Source, profile: str = "") -> Project:
    """The project whose file is `source`, with that profile of it in force, empty for none.

    Raises `InvalidFiles` with everything that is wrong in it, in whichever profile; `UsageError` `unknown-profile`.
    """
    try:
        document = read_yaml(source.data)
    except InvalidText as error:
        raise InvalidFiles(tuple(in_file_order(text_diagnostics(source, error.problems)))) from None
    reader = _ProjectReader(source, os.path.dirname(os.path.abspath(source.path)), profile)
    project = reader.read({} if document.value is None else document.value)
    if project is None or document.problems or reader.findings:
        found = [*text_diagnostics(source, document.problems), *document_diagnostics(source, reader.findings)]
        raise InvalidFiles(tuple(in_file_order(found)))
    return project


class _ProjectReader:
    def __init__(self, source: Source, root: str, profile: str) -> None:
        self._source = source
        self._root = root
        self._profile = profile
        self.findings = Findings()

    def read(self, document: Any) -> Project | None:
        """The project; None, or one that is not whole, where something was found."""
        if not isinstance(document, dict):
            self.findings.add(Finding("wrong-type", f"a project file is a mapping, not {kind_of(document)}", ()))
            return None
        check_version(document, self.findings)
        fields = {key: value for key, value in document.items() if key != "version" and not key.startswith("x-")}
        known = Checks(self.findings).without_what_is_known_wrong(fields)
        if not self._is_valid(known) or self.findings:
            return None
        return self._project(ProjectDocument.model_validate(in_force(fields, self._profile, self._source.path)))

    def _is_valid(self, fields: dict[str, Any]) -> bool:
        try:
            ProjectDocument.model_validate(fields)
        except ValidationError as error:
            for finding in findings_in(error, ProjectDocument):
                self.findings.add(finding)
            return False
        return True

    def _project(self, document: ProjectDocument) -> Project:
        url = document.state.url if document.state else ""
        entries = {name: _facts(name, entry, _base(name, entry)) for name, entry in document.providers.items()}
        return Project(
            root=self._root,
            path=self._source.path,
            name=name_in_force(document, self._profile),
            state_url=self._state_url(url) if isinstance(url, str) else "",
            state_env=url.env if isinstance(url, UrlReference) else "",
            providers=Providers({**built_in(), **entries}),
            policy=converted(document.policy.model_dump(), Policy),
            profile=self._profile,
            profiles=tuple(document.profiles),
            notify=tuple(map(webhook_of, document.notify)),
            housed=frozenset(name for name, profile in document.profiles.items() if profile.state),
        )

    def _state_url(self, url: str) -> str:
        """`url` with a relative path taken from the project's folder, as seen from the working directory."""
        path = url.removeprefix("file:")
        if not url or path.startswith("/"):
            return url
        return f"file:{os.path.relpath(os.path.join(self._root, path))}"


def _base(name: str, entry: ProviderEntry) -> ProviderFacts | None:
    return built_in().get(name) or (inherited(entry.dialect) if entry.dialect else brought_facts(name))


def _facts(name: str, entry: ProviderEntry, base: ProviderFacts | None) -> ProviderFacts:
    """The facts of a provider: what `entry` says, laid over what is built in."""
    said = entry.model_dump(exclude_unset=True, exclude={"base_url"})
    said = {key: value for key, value in said.items() if value is not None or key in _NULLABLE}
    known = plain(base) if base else {}
    if "api_key" in said:
        # One reference replaces the other as a whole: a file laid over a variable would leave two.
        known.pop("api_key", None)
        if "oidc" in said["api_key"]:
            known = merged(known, exchange_facts(name, said.pop("api_key")))
    return converted(merged(known, {**said, **_origin(entry.base_url)}), ProviderFacts)


def _origin(url: str | UrlReference | None) -> Mapping[str, Any]:
    if url is None:
        return {}
    if isinstance(url, UrlReference):
        return {"origin": f"${{{url.env}}}", "origin_env": url.env}
    # A variable must not send a project's requests elsewhere once its owners have said where they go.
    return {"origin": checked_origin(url, "`base_url`"), "origin_env": None}
