"""GitLab: a report on code quality, and the numbers of the widget that was made for Terraform.

Both are documented by GitLab: "Code Quality report format" (docs.gitlab.com/ci/testing/code_quality) and
`artifacts:reports:terraform` (docs.gitlab.com/user/infrastructure/iac/mr_integration).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from batchrunner.address import spec_of, whole_of
from batchrunner.digest import digest_of
from batchrunner.errors import Diagnostic
from batchrunner.plans import Change, Plan, Unchanged
from batchrunner.printable import printable
from batchrunner.render.reasons import command, sentence

Severity = Literal["info", "minor", "major", "critical", "blocker"]

LONGEST = 2_000
"""Characters of a description."""
MOST = 5_000
"""Issues of a report; the last of them counts the rest."""


class Issue(NamedTuple):
    """One entry of the report. `line` counts from 1, 0 stands for the whole file; `check` is a kebab-case word."""

    check: str
    description: str
    path: str
    line: int = 0
    severity: Severity = "major"


def issues_json(issues: Iterable[Issue]) -> str:
    """The report: a JSON array, ending with a newline. Fingerprints stay while check, place and words do."""
    listed = list(dict.fromkeys(issues))
    if rest := listed[MOST:]:
        listed[MOST - 1 :] = [Issue("more", f"{len(rest) + 1:,} more issues are not listed", rest[0].path, 0, "info")]
    # A report may be printed into the log of another service, which would take `##[` for a command.
    return json.dumps([_entry(issue) for issue in listed], indent=2).replace("##[", r"##\u005b") + "\n"


def _entry(issue: Issue) -> Mapping[str, object]:
    path = printable(issue.path)
    # Without the line: what is inserted above an issue does not make it another one.
    fingerprint = digest_of([issue.check, path, issue.description]).removeprefix("sha256:")
    return {
        "description": printable(issue.description)[:LONGEST],
        "check_name": printable(issue.check),
        "fingerprint": fingerprint,
        "severity": issue.severity,
        "location": {"path": path, "lines": {"begin": issue.line or 1}},
    }


def plan_gitlab(plan: Plan, places: Mapping[str, Diagnostic]) -> str:
    """What of `plan` a person should look at, as a report on code quality: what the policy refuses, what waits for a
    person or ended badly, and warnings.

    `places` are where batches are declared, by address without shards; others are at the top of their spec.
    """
    paths = {spec.name: spec.path for spec in plan.specs}

    def issue(address: str, check: str, words: str, severity: Severity) -> Issue:
        place = places.get(whole_of(address))
        path = place.path if place else paths.get(spec_of(address)) or next(iter(paths.values()), "-")
        return Issue(check, words, path, place.line if place else 0, severity)

    waiting: list[Change] = [c for c in plan.changes if isinstance(c, Unchanged) and c.hint]
    refused = [issue(each.address, f"policy-{each.rule}", each.message, "blocker") for each in plan.refusals]
    blocked = [issue(each.address, each.reason, _words(each), "critical") for each in plan.blocked]
    ended = [issue(each.address, each.reason, _words(each), "major") for each in waiting]
    warned = [
        issue("", each.code, f"{each.where}: {each.message}" if each.where else each.message, "minor")
        for each in plan.notices
        if each.is_warning
    ]
    return issues_json([*refused, *blocked, *ended, *warned])


def _words(change: Change) -> str:
    return f"{change.address}: {sentence(change)}. {command(change)}".strip()


def plan_gitlab_report(plan: Plan) -> str:
    """How many batches a merge request would make, change and remove: `{"create": 5, "update": 0, "delete": 0}`.

    Changed is what is paid for once more, carried on with, taken over or renamed. Nothing is ever removed.
    """
    counts = plan.counts
    update = sum(counts[action] for action in ("replace", "resume", "import", "move"))
    return json.dumps({"create": counts["submit"], "update": update, "delete": 0}) + "\n"
