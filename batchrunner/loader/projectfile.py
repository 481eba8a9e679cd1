"""The project file: strict like a spec, and with nothing in it that has to be kept secret."""

import os
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from batchrunner.documents import ProjectDocument, ProviderEntry, UrlReference
from batchrunner.errors import InvalidFiles, Refused
from batchrunner.facts import ProviderFacts, SecretReference, built_in
from batchrunner.loader.explaining import findings_in, kind_of
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
from batchrunner.loader.merging import merged
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText
from batchrunner.origins import checked_origin
from batchrunner.project import Project

_LATER = ("max_cost_usd", "max_requests", "allowed_models", "allowed_endpoints", "required_metadata")
_STORES_LATER = frozenset({"postgresql", "postgres", "s3", "gs", "az"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NULLABLE = frozenset({"endpoints", "completion_windows"})
"""Fields of a provider where null says something: that nothing is known, so that anything goes."""


def read_project(path: str) -> Project:
    """The project whose file is `path`. Raises `InvalidFiles` with everything that is wrong in it."""
    source = read_file(path)
    try:
        document = read_yaml(source.data)
    except InvalidText as error:
        raise InvalidFiles(tuple(in_file_order(text_diagnostics(source, error.problems)))) from None
    reader = _ProjectReader(source, os.path.dirname(os.path.abspath(path)))
    project = reader.read({} if document.value is None else document.value)
    if project is None or document.problems or reader.findings:
        found = [*text_diagnostics(source, document.problems), *document_diagnostics(source, reader.findings)]
        raise InvalidFiles(tuple(in_file_order(found)))
    return project


class _ProjectReader:
    def __init__(self, source: Source, root: str) -> None:
        self._source = source
        self._root = root
        self.findings = Findings()

    def read(self, document: Any) -> Project | None:
        """The project; None, or one that is not whole, where something was found."""
        if not isinstance(document, dict):
            self._note("wrong-type", f"a project file is a mapping, not {kind_of(document)}")
            return None
        check_version(document, self.findings)
        fields = {key: value for key, value in document.items() if key != "version" and not key.startswith("x-")}
        try:
            checked = ProjectDocument.model_validate(self._without_what_is_known_wrong(fields))
        except ValidationError as error:
            for finding in findings_in(error, ProjectDocument):
                self.findings.add(finding)
            return None
        return self._project(checked)

    def _without_what_is_known_wrong(self, fields: dict[str, Any]) -> dict[str, Any]:
        """`fields` less what has words of its own to refuse it with."""
        if isinstance(policy := fields.get("policy"), dict):
            fields = {**fields, "policy": self._policy(policy)}
        if isinstance(providers := fields.get("providers"), dict):
            fields = {**fields, "providers": {name: self._provider(name, e) for name, e in providers.items()}}
        return fields

    def _policy(self, policy: dict[str, Any]) -> dict[str, Any]:
        for key in filter(policy.__contains__, _LATER):
            message = f"`policy.{key}` is not in this version, and a limit nobody keeps is worse than none"
            self._note("not-available-yet", message, "policy", key, hint="delete it", target="key")
        return {key: value for key, value in policy.items() if key not in _LATER}

    def _provider(self, name: str, entry: Any) -> Any:
        secret = entry.get("api_key") if isinstance(entry, dict) else None
        if secret is None or isinstance(secret, dict):
            return entry
        variable = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
        hint = f"put it into the environment or a file: `api_key: {{env: {variable}_API_KEY}}`"
        message = "a key is never written into a file that others read; the value is not shown here"
        self._note("literal-secret", message, "providers", name, "api_key", hint=hint)
        return {key: value for key, value in entry.items() if key != "api_key"}

    def _project(self, document: ProjectDocument) -> Project:
        providers = dict(built_in())
        for name, entry in document.providers.items():
            facts = self._facts(name, entry, providers.get(name))
            if facts is not None:
                providers[name] = facts
        url = document.state.url if document.state else ""
        return Project(
            root=self._root,
            path=self._source.path,
            name=document.project or "",
            state_url=self._state_url(url) if isinstance(url, str) else "",
            state_env=url.env if isinstance(url, UrlReference) else "",
            providers=providers,
            policy=document.policy,
        )

    def _state_url(self, url: str) -> str:
        """`url` with a relative path taken from the project's folder, as seen from the working directory."""
        scheme = _SCHEME.match(url)
        if scheme and scheme[1].lower() != "file":
            later = scheme[1].lower() in _STORES_LATER
            code, words = ("not-available-yet", "in this version") if later else ("bad-value", "known")
            message = f"state in `{scheme[1]}:` is not {words}"
            self._note(code, message, "state", "url", hint="use `file:PATH`, a folder beside this file")
        path = url[scheme.end() :] if scheme else url
        if not url or path.startswith("/"):
            return url
        return f"file:{os.path.relpath(os.path.join(self._root, path))}"

    def _facts(self, name: str, entry: ProviderEntry, base: ProviderFacts | None) -> ProviderFacts | None:
        if base is None:
            self._check_complete(name, entry)
        if entry.api_key is not None:
            self._check_secret(name, entry.api_key)
        said = entry.model_dump(exclude_unset=True, exclude={"base_url"})
        said = {key: value for key, value in said.items() if value is not None or key in _NULLABLE}
        said |= self._origin(name, entry.base_url)
        if self.findings:
            return None
        known = base.model_dump() if base else {}
        # One reference replaces the other as a whole: a file laid over a variable would leave two.
        kept = {key: value for key, value in known.items() if key != "api_key" or "api_key" not in said}
        return ProviderFacts.model_validate(merged(kept, said))

    def _check_complete(self, name: str, entry: ProviderEntry) -> None:
        for key in ("dialect", "base_url", "api_key"):
            noted = any(finding.pointer == ("providers", name, key) for finding in self.findings)
            if getattr(entry, key) is None and not noted:
                message = f"the key `{key}` is missing"
                hint = f"`{name}` is not built in: a new provider needs `dialect`, `base_url` and `api_key`"
                self._note("missing-key", message, "providers", name, hint=hint)

    def _check_secret(self, name: str, secret: SecretReference) -> None:
        if (secret.env is None) == (secret.file is None):
            message = "a key is in one place: `{env: NAME}` or `{file: PATH}`"
            self._note("bad-value", message, "providers", name, "api_key")

    def _origin(self, name: str, url: str | UrlReference | None) -> Mapping[str, Any]:
        if url is None:
            return {}
        if isinstance(url, UrlReference):
            return {"origin": f"${{{url.env}}}", "origin_env": url.env}
        try:
            # A variable must not send a project's requests elsewhere once its owners have said where they go.
            return {"origin": checked_origin(url, "`base_url`"), "origin_env": None}
        except Refused as refused:
            self._note("bad-base-url", f"this is no base URL: {refused.why.rstrip('.')}",
                       "providers", name, "base_url", hint=refused.hint)  # fmt: skip
            return {}

    def _note(self, code: str, message: str, *way: str, hint: str = "", target: Any = "value") -> None:
        self.findings.add(Finding(code, message, way, hint, target))
