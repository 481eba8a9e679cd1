"""A plan as text for a terminal: per spec a heading and a row per change, then one summary."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchrunner.address import spec_of
from batchrunner.plans import Change, Plan, PlannedSpec, Resume, Sendable, Submit, action_of
from batchrunner.printable import printable
from batchrunner.render.github import neutral
from batchrunner.render.layout import INDENT, flow, paragraph
from batchrunner.render.reasons import command, explanation, sentence
from batchrunner.render.rows import ADDRESS_AT, Page, SendableRows, WordedRows, differing, shared
from batchrunner.render.style import Style
from batchrunner.render.totals import VERBS, summary, total_words, totals
from batchrunner.render.units import count, counted

SHOWN = 50
"""Changes of one action that are listed; the rest is counted and added up."""
NARROWEST_PAGE = 40
SPECS_SHOWN = 20
"""Specs that are listed although none of their changes is."""


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one action in one spec: those that are listed, and the rest."""

    action: str
    listed: Sequence[Change]
    rest: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Section:
    """What is said of one spec. `specs` is empty for changes of a spec that the plan does not describe."""

    name: str
    specs: Sequence[PlannedSpec]
    groups: Sequence[Group]

    @property
    def changes(self) -> list[Change]:
        """Every change of the spec."""
        return [change for group in self.groups for change in (*group.listed, *group.rest)]

    @property
    def sendable(self) -> list[Sendable]:
        """The changes that send something."""
        return [change for change in self.changes if isinstance(change, Submit | Resume)]


def plan_text(plan: Plan, style: Style, width: int = 80) -> str:
    """`plan` for a person, no line wider than `width` columns (at least 40) but commands, which are not cut.

    At most 50 changes of each action are listed; totals are of all. Ends without a newline.
    """
    page = Page(max(width, NARROWEST_PAGE), style)
    listed, passed_over = _chosen(_sections(plan))
    lines = [*_targets(plan, page)]
    for section in listed:
        lines += [*_section_lines(section, page), ""]
    if passed_over:
        changes = sum(len(section.changes) for section in passed_over)
        lines += [f"… and {counted(len(passed_over), 'more spec')} with {counted(changes, 'change')}", ""]
    lines += [style.bold(line) for line in flow(summary(plan), page.width)]
    return neutral("\n".join(lines))


def _sections(plan: Plan) -> Iterator[Section]:
    specs: dict[str, list[PlannedSpec]] = defaultdict(list)
    for spec in plan.specs:
        specs[spec.name].append(spec)
    changes: dict[str, dict[str, list[Change]]] = {name: defaultdict(list) for name in specs}
    for change in plan.changes:
        changes.setdefault(spec_of(change.address), defaultdict(list))[action_of(change)].append(change)
    room = dict.fromkeys(VERBS, SHOWN)
    for name, by_action in changes.items():
        if plan.targets and not by_action:
            continue  # its batches are not targeted, which is not the same as having none
        yield Section(name, specs.get(name, ()), [_group(a, by_action[a], room) for a in VERBS if a in by_action])


def _group(action: str, changes: Sequence[Change], room: dict[str, int]) -> Group:
    allowed = room[action]
    room[action] -= min(allowed, len(changes))
    return Group(action, changes[:allowed], changes[allowed:])


def _chosen(sections: Iterator[Section]) -> tuple[list[Section], list[Section]]:
    listed: list[Section] = []
    passed_over: list[Section] = []
    for index, section in enumerate(sections):
        keep = index < SPECS_SHOWN or any(group.listed for group in section.groups)
        (listed if keep else passed_over).append(section)
    return listed, passed_over


def _targets(plan: Plan, page: Page) -> list[str]:
    if not plan.targets:
        return []
    named = [f"{printable(target)}," for target in plan.targets]
    return [*flow(["Only what --target names:", *named[:-1], named[-1][:-1]], page.width, indent=2), ""]


def _section_lines(section: Section, page: Page) -> Iterator[str]:
    yield from _heading(section, page)
    yield ""
    rows = _Rows(section, page)
    for group in section.groups:
        for change in group.listed:
            yield from (*rows.of(change), *_notes(change, page))
        if group.rest:
            yield from _rest(group, page)
    if not section.groups:
        yield "  no batches"


class _Rows:
    def __init__(self, section: Section, page: Page) -> None:
        listed = [change for group in section.groups for change in group.listed]
        sending = [change for change in listed if isinstance(change, Submit | Resume)]
        resting = [change for change in listed if not isinstance(change, Submit | Resume)]
        fields = differing(section.sendable, section.specs[0] if section.specs else None)
        self._sending = SendableRows(page, sending, fields, section.name)
        self._resting = WordedRows(page, resting, section.name)

    def of(self, change: Change) -> list[str]:
        if isinstance(change, Submit | Resume):
            return self._sending.row(change)
        return self._resting.row(change, sentence(change))


def _heading(section: Section, page: Page) -> Iterator[str]:
    name = printable(section.name)
    for spec in section.specs:
        state = f"state {printable(spec.state)} " + (f"#{spec.serial}" if spec.lineage else "(new)")
        first, *more = flow([name, f"run {printable(spec.run)}", state], page.width, between="   ", indent=2)
        yield from (page.style.bold(first), *more)
    if not section.specs:
        yield page.style.bold(name)
    agreed = [f"{label} {value}" for label, value in shared(section.sendable).items()]
    if agreed:
        lines = flow(agreed, page.width - 2, between="   ")
        yield from (page.style.dim(f"  {line}") for line in lines)


def _rest(group: Group, page: Page) -> list[str]:
    amount = total_words(totals(group.rest))
    more = " " * ADDRESS_AT + f"… and {count(len(group.rest))} more {VERBS[group.action]}"
    return flow([more, amount] if amount else [more], page.width, between=": ", indent=INDENT)


def _notes(change: Change, page: Page) -> list[str]:
    lines = []
    if isinstance(change, Submit | Resume) and change.reason != "new":
        lines += paragraph(sentence(change), page.width)
    if explained := explanation(change):
        lines += paragraph(explained, page.width)
    if typed := command(change):
        lines.append(" " * (INDENT + 2) + page.style.bold(typed))
    return lines
