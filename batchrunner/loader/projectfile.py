"""The project file: strict like a spec, and with nothing in it that has to be kept secret."""

import os
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from batchrunner.catalog import DIALECTS, built_in
from batchrunner.errors import InvalidFiles, Refused
from batchrunner.extensions import Providers, brought_facts, inherited, is_dialect
from batchrunner.facts import ProviderFacts
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
from batchrunner.printable import brief
from batchrunner.project import Policy, Project
from batchrunner.projectdocuments import ProjectDocument, ProviderEntry, UrlReference
from batchrunner.records import converted, plain
from batchrunner.suggestions import did_you_mean, listed

_STORES_LATER = frozenset({"postgresql", "postgres", "s3", "gs", "az"})
_SCHEME = r"([A-Za-z][A-Za-z0-9+.-]*):"
_NULLABLE = frozenset({"endpoints", "completion_windows", "input_expires_after_seconds", "price_list", "discount"})
"""Fields of a provider where null says something: that nothing is known, or asked for."""
_SECRET = frozenset({"authorization", "api-key", "cookie", "proxy-authorization", "x-api-key"})
_OURS = _SECRET | {
    "accept-encoding", "connection", "content-length", "content-type", "host", "idempotency-key", "range",
    "transfer-encoding", "user-agent",
}  # fmt: skip


def read_project(path: str) -> Project:
    """The project whose file is `path`. Raises `InvalidFiles` with everything that is wrong in it."""
    return parse_project(read_file(path))


def parse_project(source: Source) -> Project:
    """The project whose file is `source`. Raises `InvalidFiles` with everything that is wrong in it."""
    try:
        document = read_yaml(source.data)
    except InvalidText as error:
        raise InvalidFiles(tuple(in_file_order(text_diagnostics(source, error.problems)))) from None
    reader = _ProjectReader(source, os.path.dirname(os.path.abspath(source.path)))
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
        return None if self.findings else self._project(checked)

    def _without_what_is_known_wrong(self, fields: dict[str, Any]) -> dict[str, Any]:
        """`fields` less what is checked by hand and refused with words of its own."""
        if isinstance(providers := fields.get("providers"), dict):
            fields = {**fields, "providers": {name: self._provider(name, e) for name, e in providers.items()}}
        if isinstance(state := fields.get("state"), dict) and isinstance(state.get("url"), str):
            self._check_store(state["url"])
        return fields

    def _provider(self, name: str, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        checks = {"api_key": self._check_secret, "base_url": self._check_url}
        refused = {key for key, check in checks.items() if entry.get(key) is not None and not check(name, entry[key])}
        dialect = entry.get("dialect")
        if name not in built_in() and (dialect is not None or brought_facts(name) is None):
            self._check_complete(name, entry)
        if isinstance(dialect, str) and not is_dialect(dialect):
            hint = did_you_mean(dialect, DIALECTS) or f"known are {listed(DIALECTS)}; packages can bring others"
            self._note("unknown-dialect", f"there is no dialect `{brief(dialect)}`", "providers", name, "dialect",
                       hint=hint)  # fmt: skip
        self._check_headers(name, entry.get("headers"))
        return {key: value for key, value in entry.items() if key not in refused}

    def _check_complete(self, name: str, entry: dict[str, Any]) -> None:
        hint = f"`{name}` is not built in: a new provider needs `dialect`, `base_url` and `api_key`"
        for key in ("dialect", "base_url", "api_key"):
            if entry.get(key) is None:
                self._note("missing-key", f"the key `{key}` is missing", "providers", name, hint=hint)

    def _check_headers(self, name: str, headers: Any) -> None:
        for header in headers if isinstance(headers, dict) else ():
            if header in _OURS:
                hint = "`api_key` says where the key is, `auth` how it is sent" if header in _SECRET else ""
                message = f"the header `{header}` is set by batchrunner itself"
                self._note("bad-value", message, "providers", name, "headers", header, hint=hint, target="key")

    def _check_secret(self, name: str, secret: Any) -> bool:
        if not isinstance(secret, dict):
            variable = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
            hint = f"put it into the environment or a file: `api_key: {{env: {variable}_API_KEY}}`"
            message = "a key is never written into a file that others read; the value is not shown here"
            self._note("literal-secret", message, "providers", name, "api_key", hint=hint)
            return False
        if secret.keys() <= {"env", "file"} and len(secret) != 1:
            message = "a key is in one place: `{env: NAME}` or `{file: PATH}`"
            self._note("bad-value", message, "providers", name, "api_key")
        return True

    def _check_url(self, name: str, url: Any) -> bool:
        if not isinstance(url, str):
            return True
        try:
            checked_origin(url, "`base_url`")
        except Refused as refused:
            message = f"this is no base URL: {refused.why[:1].lower()}{refused.why[1:].rstrip('.')}"
            self._note("bad-base-url", message, "providers", name, "base_url", hint=refused.hint)
            return False
        return True

    def _check_store(self, url: str) -> None:
        scheme = re.match(_SCHEME, url)
        if scheme and scheme[1].lower() != "file":
            later = scheme[1].lower() in _STORES_LATER
            code, words = ("not-available-yet", "in this version") if later else ("bad-value", "known")
            hint = "use `file:PATH`, a folder beside this file"
            self._note(code, f"state in `{scheme[1]}:` is not {words}", "state", "url", hint=hint)

    def _project(self, document: ProjectDocument) -> Project:
        url = document.state.url if document.state else ""
        entries = {name: _facts(entry, _base(name, entry)) for name, entry in document.providers.items()}
        return Project(
            root=self._root,
            path=self._source.path,
            name=document.project or "",
            state_url=self._state_url(url) if isinstance(url, str) else "",
            state_env=url.env if isinstance(url, UrlReference) else "",
            providers=Providers({**built_in(), **entries}),
            policy=converted(document.policy.model_dump(), Policy),
        )

    def _state_url(self, url: str) -> str:
        """`url` with a relative path taken from the project's folder, as seen from the working directory."""
        path = url.removeprefix("file:")
        if not url or path.startswith("/"):
            return url
        return f"file:{os.path.relpath(os.path.join(self._root, path))}"

    def _note(self, code: str, message: str, *way: str, hint: str = "", target: Any = "value") -> None:
        self.findings.add(Finding(code, message, way, hint, target))


def _base(name: str, entry: ProviderEntry) -> ProviderFacts | None:
    return built_in().get(name) or (inherited(entry.dialect) if entry.dialect else brought_facts(name))


def _facts(entry: ProviderEntry, base: ProviderFacts | None) -> ProviderFacts:
    """The facts of a provider: what `entry` says, laid over what is built in."""
    said = entry.model_dump(exclude_unset=True, exclude={"base_url"})
    said = {key: value for key, value in said.items() if value is not None or key in _NULLABLE}
    known = plain(base) if base else {}
    if "api_key" in said:
        # One reference replaces the other as a whole: a file laid over a variable would leave two.
        known.pop("api_key", None)
    return converted(merged(known, {**said, **_origin(entry.base_url)}), ProviderFacts)


def _origin(url: str | UrlReference | None) -> Mapping[str, Any]:
    if url is None:
        return {}
    if isinstance(url, UrlReference):
        return {"origin": f"${{{url.env}}}", "origin_env": url.env}
    # A variable must not send a project's requests elsewhere once its owners have said where they go.
    return {"origin": checked_origin(url, "`base_url`"), "origin_env": None}
