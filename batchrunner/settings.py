"""What the environment says: the only module that reads `os.environ`, and the only one that reads secrets."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchrunner.errors import Refused, UsageError
from batchrunner.facts import SecretReference, WorkloadToken
from batchrunner.origins import is_sendable

MAX_SECRET_BYTES = 16_384
_DIGITS = 12


def environment() -> Mapping[str, str]:
    """The process's environment, live."""
    return os.environ


@dataclass(frozen=True, slots=True)
class Settings:
    """The variables that stand in for flags. Flags win over these, these over the project file.

    `cache` is the folder in which sound inputs are remembered, so that they need not be read again; empty where nothing
    is. It is BATCHRUNNER_CACHE, which may be `off`, else below XDG_CACHE_HOME or HOME: outside of the repository on
    purpose, as nothing that a pull request brings along may say that a file was checked.

    `max_rendered` is how many bytes of requests may be made of tables, None for what the files are worth. A project
    file cannot say it: it comes along with the pull request that is planned.

    `github_output` and `github_step_summary` are the files that a runner of GitHub Actions takes from a step,
    `github_workspace` and `gitlab_project` the tops of the checkouts of GitHub's and GitLab's; empty elsewhere.
    """

    state: str = ""
    project: str = ""
    run_key: str = ""
    log_format: str = ""
    lock_timeout: float = 30.0
    ci: bool = False
    cache: str = ""
    github_output: str = ""
    github_step_summary: str = ""
    github_workspace: str = ""
    gitlab_project: str = ""
    profile: str = ""
    max_rendered: int | None = None

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Settings":
        """Settings from `BATCHRUNNER_*` and `CI`. Raises `UsageError` `bad-setting` for what cannot be meant."""
        return cls(
            state=variables.get("BATCHRUNNER_STATE", ""),
            project=variables.get("BATCHRUNNER_PROJECT", ""),
            run_key=variables.get("BATCHRUNNER_RUN_KEY", ""),
            log_format=variables.get("BATCHRUNNER_LOG_FORMAT", ""),
            lock_timeout=_seconds(variables, "BATCHRUNNER_LOCK_TIMEOUT", 30.0),
            ci=variables.get("CI", "").lower() not in {"", "0", "false"},
            cache=_cache_folder(variables),
            github_output=variables.get("GITHUB_OUTPUT", ""),
            github_step_summary=variables.get("GITHUB_STEP_SUMMARY", ""),
            github_workspace=variables.get("GITHUB_WORKSPACE", ""),
            gitlab_project=variables.get("CI_PROJECT_DIR", ""),
            profile=variables.get("BATCHRUNNER_PROFILE", ""),
            max_rendered=_megabytes(variables, "BATCHRUNNER_MAX_RENDERED"),
        )


def _cache_folder(variables: Mapping[str, str]) -> str:
    said = variables.get("BATCHRUNNER_CACHE", "")
    if said:
        return "" if said.lower() in {"off", "0", "false"} else said
    # A relative XDG_CACHE_HOME is to be ignored (XDG Base Directory Specification), and so is such a home.
    shared, home = variables.get("XDG_CACHE_HOME", ""), variables.get("HOME", "")
    below = shared if os.path.isabs(shared) else os.path.join(home, ".cache")
    return os.path.join(below, "batchrunner") if os.path.isabs(below) else ""


def _seconds(variables: Mapping[str, str], name: str, default: float) -> float:
    try:
        seconds = float(variables.get(name) or default)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise UsageError("bad-setting", f"{name} must be a number of seconds, not {variables[name]!r}")
    return seconds


def _megabytes(variables: Mapping[str, str], name: str) -> int | None:
    """Bytes, of a variable that says megabytes; None where it says nothing."""
    said = variables.get(name, "")
    if said and not (said.isascii() and said.isdecimal() and len(said) <= _DIGITS):
        raise UsageError("bad-setting", f"{name} must be a number of megabytes, not {said!r}")
    return int(said) * 1_000_000 if said else None


def wants_colour(choice: str, is_terminal: bool, variables: Mapping[str, str]) -> bool:
    """Whether to colour: `choice` is auto, always or never; auto follows NO_COLOR, FORCE_COLOR, TERM and the terminal.

    NO_COLOR counts when it is not empty (no-color.org).
    """
    if choice != "auto":
        return choice == "always"
    if variables.get("NO_COLOR"):
        return False
    if variables.get("FORCE_COLOR"):
        return True
    return is_terminal and variables.get("TERM") != "dumb"


def read_secret(reference: SecretReference, provider: str, variables: Mapping[str, str]) -> str:
    """The secret that `reference` points to. Raises `Refused` `missing-key` naming where it was looked for."""
    if reference.file is not None:
        return _clean(_read_file(reference.file, provider), f"the file {reference.file}", provider)
    name = reference.env or ""
    return _clean(variables.get(name, ""), f"the environment variable {name}", provider)


def remember_secret(secret: str) -> None:
    """From now on `secret` is one of those that this process must not show."""
    if secret and secret not in _known:
        _known.append(secret)


def secrets_read() -> Sequence[str]:
    """Every secret that was made or read in passing, and that nothing shows."""
    return _known


_known: list[str] = []


def read_workload_token(token: WorkloadToken, provider: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """The token that says who this workload is, and where it was; a file is read anew each time. Raises `Refused`."""
    if token.file is not None:
        where, said = token.file, _content(token.file)
    else:
        where, said = f"the environment variable {token.env}", variables.get(token.env or "", "")
    if not said.strip():
        raise Refused("oidc-no-token", f"there is no workload's token to exchange for provider {provider}",
                      why=f"{where[0].upper()}{where[1:]} is not there, cannot be read, or is empty.",
                      hint="let your platform write it there: `id_tokens` in GitLab, a projected volume in Kubernetes"
                      )  # fmt: skip
    return said.strip(), where


def _content(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SECRET_BYTES + 1).decode("ascii")
    except (OSError, ValueError):
        return ""


def github_job(provider: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """Where a job of GitHub Actions asks for its token, and with which key. Raises `Refused`."""
    url, key = (variables.get(f"ACTIONS_ID_TOKEN_REQUEST_{part}", "") for part in ("URL", "TOKEN"))
    if not url or not key:
        raise _no_github_token(provider, is_job=variables.get("GITHUB_ACTIONS") == "true")
    if not is_sendable(url) or not (key.isascii() and key.isprintable() and " " not in key):
        raise Refused("oidc-bad-token", "ACTIONS_ID_TOKEN_REQUEST_URL, or _TOKEN, is not as GitHub sets it",
                      why="It is no https URL, or nothing that a header can carry.",
                      hint="leave both as they were set")  # fmt: skip
    return url, key


def _no_github_token(provider: str, *, is_job: bool) -> Refused:
    message = f"there is no workload's token to exchange for provider {provider}"
    if is_job:
        return Refused("oidc-no-permission", message, why="The job may not ask GitHub for one.",
                       hint="give the job `permissions: {id-token: write, contents: read}`")  # fmt: skip
    return Refused("oidc-no-token", message, why="This is no job of GitHub Actions, and no other place is named.",
                   hint=f"name one in `providers.{provider}.api_key.oidc`: `token: {{env: NAME}}` or `{{file: PATH}}`"
                   )  # fmt: skip


def read_quietly(reference: SecretReference, what: str, variables: Mapping[str, str]) -> str:
    """A secret that something can be done without. Raises `Refused` in words that go on with another sentence."""
    said = _content(reference.file) if reference.file is not None else variables.get(reference.env or "", "")
    if not (secret := said.strip()) or len(secret) > MAX_SECRET_BYTES:
        raise Refused("missing-key", f"{what} is not there")
    return secret


def _read_file(path: str, provider: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SECRET_BYTES + 1).decode("utf-8")
    except (OSError, ValueError) as error:
        raise Refused(
            "missing-key",
            f"the key of provider {provider} cannot be read",
            why=f"{path}: {getattr(error, 'strerror', None) or 'not text, or not a path'}",
            hint=f"Put the key into {path}, or point `providers.{provider}.api_key` elsewhere.",
        ) from None


def _clean(secret: str, where: str, provider: str) -> str:
    stripped = secret.strip()
    if not stripped:
        raise Refused(
            "missing-key",
            f"there is no key for provider {provider}",
            why=f"{where[0].upper()}{where[1:]} is not set or empty.",
            hint="Set it and run the same command again, or try without a key: add --sandbox.",
        )
    if len(stripped) > MAX_SECRET_BYTES or not (stripped.isascii() and stripped.isprintable()) or " " in stripped:
        raise Refused(
            "bad-key",
            f"the key of provider {provider} is not one: it holds spaces or characters that a header cannot carry",
            why=f"It comes from {where}.",
            hint="copy the key again, alone and without quotes",
        )
    return stripped
