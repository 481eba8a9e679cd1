"""What the environment says, and how secrets are read without ever being told."""

import traceback
from pathlib import Path

import pytest

from batchrunner.errors import BatchrunnerError, ExitCode, Refused, UsageError
from batchrunner.facts import SecretReference
from batchrunner.settings import MAX_SECRET_BYTES, Settings, environment, read_secret, wants_colour

CANARY = "sk-canary-5f2e"


def test_nothing_set() -> None:
    assert Settings.read({}) == Settings()
    unset = {
        "state": "",
        "project": "",
        "run_key": "",
        "log_format": "",
        "lock_timeout": 30.0,
        "ci": False,
        "cache": "",
        "profile": "",
    }
    assert Settings() == Settings(**unset)


def test_everything_set() -> None:
    variables = {
        "BATCHRUNNER_STATE": "file:x",
        "BATCHRUNNER_PROJECT": "p.yaml",
        "BATCHRUNNER_PROFILE": "dev",
        "BATCHRUNNER_RUN_KEY": "2026-11-22",
        "BATCHRUNNER_LOG_FORMAT": "json",
        "BATCHRUNNER_LOCK_TIMEOUT": "1.5",
        "CI": "true",
        "HOME": "/root",
    }
    cache = "/root/.cache/batchrunner"
    expected = Settings("file:x", "p.yaml", "2026-11-22", "json", 1.5, ci=True, cache=cache, profile="dev")
    assert Settings.read(variables) == expected


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.cache/batchrunner"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": "/var/cache/ann"}, "/var/cache/ann/batchrunner"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": ""}, "/home/ann/.cache/batchrunner"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": "in/the/repository"}, "/home/ann/.cache/batchrunner"),
        ({"XDG_CACHE_HOME": "/var/cache/ann"}, "/var/cache/ann/batchrunner"),
        ({"HOME": ""}, ""),
        ({"HOME": "."}, ""),
        ({"HOME": "/home/ann", "BATCHRUNNER_CACHE": "/mnt/cache"}, "/mnt/cache"),
        ({"HOME": "/home/ann", "BATCHRUNNER_CACHE": ".cache"}, ".cache"),
        ({"HOME": "/home/ann", "BATCHRUNNER_CACHE": ""}, "/home/ann/.cache/batchrunner"),
        *(({"HOME": "/home/ann", "BATCHRUNNER_CACHE": word}, "") for word in ("off", "OFF", "0", "false")),
    ],
)
def test_where_sound_inputs_are_remembered(variables: dict[str, str], folder: str) -> None:
    assert Settings.read(variables).cache == folder


@pytest.mark.parametrize(("value", "seconds"), [("", 30.0), ("0", 0.0), ("0.25", 0.25), (" 5 ", 5.0), ("1e3", 1000.0)])
def test_lock_timeouts(value: str, seconds: float) -> None:
    assert Settings.read({"BATCHRUNNER_LOCK_TIMEOUT": value}).lock_timeout == seconds


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "-inf", "1e9", "30s", "\x1b[31m"])
def test_lock_timeouts_that_cannot_be_meant(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.read({"BATCHRUNNER_LOCK_TIMEOUT": value})
    assert (caught.value.code, caught.value.exit_code) == ("bad-setting", ExitCode.USAGE)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(("value", "ci"), [("true", True), ("1", True), ("", False), ("false", False), ("0", False)])
def test_ci(value: str, ci: bool) -> None:
    assert Settings.read({"CI": value}).ci is ci


@pytest.mark.parametrize(
    ("choice", "is_terminal", "variables", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": "0"}, False),  # no-color.org: any value that is not empty
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": ""}, False),
        ("auto", True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(choice: str, is_terminal: bool, variables: dict[str, str], expected: bool) -> None:
    assert wants_colour(choice, is_terminal, variables) is expected


def test_the_environment_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = environment()
    monkeypatch.setenv("BATCHRUNNER_TEST_VARIABLE", "now")
    assert variables["BATCHRUNNER_TEST_VARIABLE"] == "now"


# Secrets.


def refusal(reference: SecretReference, variables: dict[str, str] | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        read_secret(reference, "alphaedge", variables or {})
    return caught.value


def told(error: BatchrunnerError) -> str:
    said = f"{error.message} {error.where} {error.why} {error.hint} {error!r} {error.args}"
    return said + "".join(traceback.format_exception(error))


def test_a_secret_from_a_variable() -> None:
    assert read_secret(SecretReference(env="KEY"), "p", {"KEY": f" {CANARY}\n"}) == CANARY


def test_a_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{CANARY}\n")
    assert read_secret(SecretReference(file=str(tmp_path / "key")), "p", {}) == CANARY


@pytest.mark.parametrize("variables", [{}, {"KEY": ""}, {"KEY": " \n"}, {"OTHER": CANARY}])
def test_a_missing_variable_is_named(variables: dict[str, str]) -> None:
    error = refusal(SecretReference(env="KEY"), variables)
    assert (error.code, error.exit_code) == ("missing-key", ExitCode.REFUSED)
    assert error.why == "The environment variable KEY is not set or empty."
    assert "alphaedge" in error.message
    assert "--sandbox" in error.hint
    assert CANARY not in told(error)


@pytest.mark.parametrize("name", ["nowhere", ".", "empty", "binary", "\0"])
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(CANARY.encode() + b"\xff")
    error = refusal(SecretReference(file=str(tmp_path / name)))
    assert error.code == "missing-key"
    assert str(tmp_path) in f"{error.message} {error.why}"
    assert CANARY not in told(error)


@pytest.mark.parametrize(
    "secret", [f"{CANARY} x", f"{CANARY}\nX-Evil: 1", f"{CANARY}\x00", f"{CANARY}é", f"{CANARY}\t.", CANARY * 2000]
)
def test_what_a_header_cannot_carry_is_refused_without_being_told(secret: str) -> None:
    error = refusal(SecretReference(env="KEY"), {"KEY": secret})
    assert error.code == "bad-key"
    assert "KEY" in error.why
    assert CANARY not in told(error)


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with path.open("wb") as file:
        file.write(b"x" * (MAX_SECRET_BYTES + 1))
        file.truncate(1 << 40)
    assert refusal(SecretReference(file=str(path))).code == "bad-key"
