"""Run keys: which occurrence of a spec is meant.

`day:2026-11-22`, `hour:2026-11-22T02`, `week:2026-W47` (ISO 8601), `month:2026-11`, `manual:WORD`; none for content.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

from batchrunner.errors import Refused, UsageError
from batchrunner.printable import brief
from batchrunner.spec import OncePer, Run
from batchrunner.suggestions import did_you_mean

EXAMPLES: Mapping[str, str] = {"hour": "2026-11-22T02", "day": "2026-11-22", "week": "2026-W47", "month": "2026-11"}

# Patterns as text: few runs need any, and compiling them takes longer than everything else in this module.
_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_FORMS: Mapping[str, str] = {
    "hour": r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2})([+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?",
    "day": r"([0-9]{4}-[0-9]{2}-[0-9]{2})",
    "week": r"([0-9]{4})-W([0-9]{2})",
    "month": r"([0-9]{4})-([0-9]{2})",
}
_LIKE_A_DATE = r"(?=.*[0-9])[0-9WT][0-9WT-]{0,63}"
_TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
# Files of a zone database that name no zone of IANA: the host's own choice, and variants of the whole set.
_NOT_ZONES = ("localtime", "posixrules", "Factory", "posix/", "right/")


def resolve_run(once_per: OncePer, timezone: str, now: datetime, override: str | None) -> Run:
    """The run that `now` (aware) falls into, or the one that `override`, the word of `--run-key`, names.

    A word in the form of the spec's own interval is that interval, with or without the kind spelled out; any other
    word is `manual:WORD`, which no interval can collide with. A word that looks like a date in another form, or where
    the content is the run, has to be spelled `manual:WORD`: it pays for a run of its own. Raises `Refused`
    `unknown-timezone`, and `UsageError` `bad-run-key` for what can be neither.
    """
    local = now.astimezone(zone_of(timezone))
    if override is None:
        key, day = _interval(once_per, local)
    else:
        key, day = _overridden(once_per, override, local)
    return Run(once_per=once_per, timezone=timezone, key=key, day=day)


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name. Raises `Refused` `unknown-timezone`."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, available_timezones

    try:
        if not name.startswith(_NOT_ZONES):
            return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        pass
    known = sorted(zone for zone in available_timezones() if not zone.startswith(_NOT_ZONES))
    hint = did_you_mean(name, known) or "use an IANA name such as `Europe/Paris`"
    if not known:
        hint = "this machine has no time zone database: install your system's `tzdata`, or `pip install tzdata`"
    raise Refused("unknown-timezone", f"there is no time zone `{brief(name)}`", hint=hint)


def _interval(once_per: OncePer, local: datetime) -> tuple[str, date]:
    return _INTERVALS[once_per](local)


def _hour(local: datetime) -> tuple[str, date]:
    # An autumn hour comes twice; the second occurrence is told apart by its offset from UTC.
    suffix = _offset(local) if local.fold else ""
    return f"hour:{local.date()}T{local.hour:02}{suffix}", local.date()


def _week(local: datetime) -> tuple[str, date]:
    monday = local.date() - timedelta(days=local.weekday())
    year, week, _ = local.isocalendar()
    return f"week:{year:04}-W{week:02}", monday


_INTERVALS: Mapping[str, Callable[[datetime], tuple[str, date]]] = {
    "content": lambda local: ("", local.date()),
    "hour": _hour,
    "day": lambda local: (f"day:{local.date()}", local.date()),
    "week": _week,
    "month": lambda local: (f"month:{local:%Y-%m}", local.date().replace(day=1)),
}


def _offset(local: datetime) -> str:
    """`+01:00`."""
    return local.isoformat()[len(local.replace(tzinfo=None).isoformat()) :]


def _overridden(once_per: OncePer, word: str, local: datetime) -> tuple[str, date]:
    named = _named_interval(once_per, word.removeprefix(f"{once_per}:"), local)
    if named:
        return named
    plain = word.removeprefix("manual:")
    if re.fullmatch(_LIKE_A_DATE, word) or (once_per not in _FORMS and _names_interval(word)):
        raise _no_run_key(
            once_per, word, f"{_instead(once_per)}; for a run of its own that has this name: manual:{word}"
        )
    if not re.fullmatch(_WORD, plain):
        raise _no_run_key(once_per, word, "")
    return f"manual:{plain}", local.date()


def _no_run_key(once_per: OncePer, word: str, hint: str) -> UsageError:
    message = f"`{brief(word)}` is not a run key of this spec"
    return UsageError("bad-run-key", message, why=_expected(once_per), hint=hint)


def _names_interval(word: str) -> bool:
    """Whether `word` has the form of an interval of any kind."""
    return any(re.fullmatch(form, word) for form in _FORMS.values())


def _instead(once_per: OncePer) -> str:
    """What is meant where a date is written that is no run key."""
    return f"write it like {EXAMPLES[once_per]}" if once_per in _FORMS else "leave the run key out for this spec"


def names_run(word: str, run_key: str) -> bool:
    """Whether `word` names the run that is stored as `run_key`: the whole key, or what follows its kind."""
    return word in {run_key, run_key.partition(":")[2]}


def moment_of(once_per: OncePer, timezone: str, key: str) -> datetime | None:
    """A moment, aware, of the interval that `key` names, with its kind or without; None where it is none of that kind.

    Raises `Refused` `unknown-timezone`.
    """
    form = _FORMS.get(once_per)
    match = re.fullmatch(form, key.removeprefix(f"{once_per}:")) if form else None
    return _begun(once_per, match, zone_of(timezone)) if match else None


def _expected(once_per: OncePer) -> str:
    word = "a word of at most 64 letters, digits, `.`, `_` and `-`"
    if once_per == "content":
        return f"It is keyed by content, in which dates mean nothing: a run key submits all of it again, and is {word}."
    return f"It runs once per {once_per}: a run key is like `{EXAMPLES[once_per]}`, or {word}."


def _named_interval(once_per: OncePer, text: str, local: datetime) -> tuple[str, date] | None:
    """The interval that `text` spells out, or nothing where it has another form. Impossible dates are errors."""
    form = _FORMS.get(once_per)
    match = re.fullmatch(form, text) if form else None
    if match is None:
        return None
    start = _begun(once_per, match, local.tzinfo)
    if start is None:
        raise UsageError("bad-run-key", f"there is no {once_per} `{text}` in {local.tzinfo}", why=_expected(once_per))
    return _interval(once_per, start)


def _begun(once_per: OncePer, match: re.Match[str], zone: tzinfo | None) -> datetime | None:
    """A moment of the interval that `match` spells out; None where there is none."""
    try:
        return _STARTS[once_per](match, zone)
    except (ValueError, OverflowError):
        return None


def _start_of_hour(match: re.Match[str], zone: tzinfo | None) -> datetime | None:
    """A moment of that hour. None where clocks skip it, or where the offset is not that of a second occurrence."""
    naive = datetime.fromisoformat(f"{match[1]}T{match[2]}:00")
    wanted = match[3] or ""
    moments = (naive.replace(minute=m, tzinfo=zone, fold=1 if wanted else 0) for m in (0, 15, 30, 45))
    return next((moment for moment in map(_settled, moments) if moment and _is_named(moment, wanted)), None)


def _settled(moment: datetime) -> datetime | None:
    """`moment` as a clock in its zone would show it, or None where the clock never does."""
    shown = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return shown if shown.replace(tzinfo=None, fold=0) == moment.replace(tzinfo=None, fold=0) else None


def _is_named(moment: datetime, offset: str) -> bool:
    return (_offset(moment) if moment.fold else "") == offset


def _on(day: date, zone: tzinfo | None) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)


_STARTS: Mapping[str, Callable[[re.Match[str], tzinfo | None], datetime | None]] = {
    "hour": _start_of_hour,
    "day": lambda match, zone: _on(date.fromisoformat(match[1]), zone),
    "week": lambda match, zone: _on(date.fromisocalendar(int(match[1]), int(match[2]), 1), zone),
    "month": lambda match, zone: _on(date(int(match[1]), int(match[2]), 1), zone),
}


def parse_time(text: str, timezone: str = "UTC") -> datetime:
    """The moment of `--at`: RFC 3339, or a date or local time without an offset, read in `timezone`. Aware, in UTC.

    Raises `UsageError` `bad-time`, and `Refused` `unknown-timezone`.
    """
    zone = zone_of(timezone)
    try:
        return _moment(text, zone)
    except (ValueError, OverflowError):
        raise UsageError(
            "bad-time",
            f"`{brief(text)}` is not a time",
            hint=f"write it like 2026-11-22T02:30:00Z, 2026-11-22T02:30+01:00 or 2026-11-22 (in {timezone})",
        ) from None


def _moment(text: str, zone: tzinfo) -> datetime:
    if not re.fullmatch(_TIME, text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.upper())
    # The first and last year are out: a local time in another zone could fall off the calendar.
    if not date.min.year < moment.year < date.max.year:
        raise ValueError(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
