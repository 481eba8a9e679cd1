"""What is checked of a project file by hand, and refused with words of its own: secrets, URLs, what is not complete."""

import re
from collections.abc import Mapping
from typing import Any

from batchrunner.catalog import DIALECTS, built_in
from batchrunner.errors import Refused
from batchrunner.extensions import brought_facts, is_dialect
from batchrunner.loader.federating import problems_in
from batchrunner.loader.findings import Finding, Findings
from batchrunner.loader.hooking import problems_of
from batchrunner.loader.places import Pointer
from batchrunner.loader.profiles import with_entries
from batchrunner.origins import checked_origin
from batchrunner.printable import brief
from batchrunner.suggestions import did_you_mean, listed

_STORES_LATER = frozenset({"postgresql", "postgres", "s3", "gs", "az"})
_SCHEME = r"([A-Za-z][A-Za-z0-9+.-]*):"
_SECRET = frozenset({"authorization", "api-key", "cookie", "proxy-authorization", "x-api-key"})
_OURS = _SECRET | {
    "accept-encoding", "connection", "content-length", "content-type", "host", "idempotency-key", "range",
    "transfer-encoding", "user-agent",
}  # fmt: skip


class Checks:
    """Checks the content of a project file, whatever is in it, and notes what is wrong."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def without_what_is_known_wrong(self, fields: dict[str, Any]) -> dict[str, Any]:
        """`fields` less what was refused here."""
        profiles = fields.get("profiles")
        checked = self._decisions(fields, {}, ())
        if not isinstance(profiles, dict):
            return checked
        below = fields.get("providers")
        return {**checked, "profiles": {name: self._profile(name, each, below) for name, each in profiles.items()}}

    def _profile(self, name: str, profile: Any, below: Any) -> Any:
        if name == "sandbox":
            self._note("bad-name", "a profile cannot be called `sandbox`: that is what --sandbox keeps its state under",
                       "profiles", name, target="key")  # fmt: skip
        return self._decisions(profile, below, ("profiles", name)) if isinstance(profile, dict) else profile

    def _decisions(self, fields: dict[str, Any], below: Any, way: Pointer) -> dict[str, Any]:
        """The decisions at `way`, which are laid over the providers `below`."""
        if isinstance(providers := fields.get("providers"), dict):
            known = below if isinstance(below, dict) else {}
            checked = {name: self._provider(name, entry, known, way) for name, entry in providers.items()}
            fields = {**fields, "providers": checked}
        if isinstance(state := fields.get("state"), dict) and isinstance(state.get("url"), str):
            self._check_store(state["url"], way)
        if isinstance(notify := fields.get("notify"), list):
            for code, message, place, hint in problems_of(notify):
                self._note(code, message, *way, "notify", *place, hint=hint)
        return fields

    def _provider(self, name: str, entry: Any, below: Mapping[str, Any], way: Pointer) -> Any:
        if not isinstance(entry, dict):
            return entry
        place = (*way, "providers", name)
        checks = {"api_key": self._check_secret, "base_url": self._check_url}
        refused = {key for key, check in checks.items() if entry.get(key) is not None and not check(entry[key], place)}
        dialect = entry.get("dialect")
        known = below.get(name)
        whole = with_entries({name: known}, {name: entry})[name] if isinstance(known, dict) else entry
        if name not in built_in() and (whole.get("dialect") is not None or brought_facts(name) is None):
            self._check_complete(name, whole, place)
        if isinstance(dialect, str) and not is_dialect(dialect):
            hint = did_you_mean(dialect, DIALECTS) or f"known are {listed(DIALECTS)}; packages can bring others"
            self._note("unknown-dialect", f"there is no dialect `{brief(dialect)}`", *place, "dialect", hint=hint)
        self._check_headers(entry.get("headers"), place)
        return {key: value for key, value in entry.items() if key not in refused}

    def _check_complete(self, name: str, entry: dict[str, Any], place: Pointer) -> None:
        hint = f"`{name}` is not built in: a new provider needs `dialect`, `base_url` and `api_key`"
        for key in ("dialect", "base_url", "api_key"):
            if entry.get(key) is None:
                self._note("missing-key", f"the key `{key}` is missing", *place, hint=hint)

    def _check_headers(self, headers: Any, place: Pointer) -> None:
        for header in headers if isinstance(headers, dict) else ():
            if header in _OURS:
                hint = "`api_key` says where the key is, `auth` how it is sent" if header in _SECRET else ""
                message = f"the header `{header}` is set by batchrunner itself"
                self._note("bad-value", message, *place, "headers", header, hint=hint, target="key")

    def _check_secret(self, secret: Any, place: Pointer) -> bool:
        if not isinstance(secret, dict):
            variable = re.sub(r"\W", "_", str(place[-1]), flags=re.ASCII).upper()
            hint = f"put it into the environment or a file: `api_key: {{env: {variable}_API_KEY}}`"
            message = "a key is never written into a file that others read; the value is not shown here"
            self._note("literal-secret", message, *place, "api_key", hint=hint)
            return False
        if secret.keys() <= {"env", "file", "oidc"} and len(secret) != 1:
            message = "a key is in one place: `{env: NAME}`, `{file: PATH}` or `{oidc: …}`"
            self._note("bad-value", message, *place, "api_key")
        if isinstance(oidc := secret.get("oidc"), dict):
            for code, message, field, hint in problems_in(str(place[-1]), oidc):
                self._note(code, message, *place, "api_key", "oidc", *([field] if field else []), hint=hint)
        return True

    def _check_url(self, url: Any, place: Pointer) -> bool:
        if not isinstance(url, str):
            return True
        try:
            checked_origin(url, "`base_url`")
        except Refused as refused:
            message = f"this is no base URL: {refused.why[:1].lower()}{refused.why[1:].rstrip('.')}"
            self._note("bad-base-url", message, *place, "base_url", hint=refused.hint)
            return False
        return True

    def _check_store(self, url: str, way: Pointer) -> None:
        scheme = re.match(_SCHEME, url)
        if scheme and scheme[1].lower() != "file":
            later = scheme[1].lower() in _STORES_LATER
            code, words = ("not-available-yet", "in this version") if later else ("bad-value", "known")
            hint = "use `file:PATH`, a folder beside this file"
            self._note(code, f"state in `{scheme[1]}:` is not {words}", *way, "state", "url", hint=hint)

    def _note(self, code: str, message: str, *way: str | int, hint: str = "", target: Any = "value") -> None:
        self._findings.add(Finding(code, message, way, hint, target))
