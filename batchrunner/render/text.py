"""A plan as text for a terminal: per spec a heading and a row per change, then one summary, then what is refused."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from batchrunner.address import spec_of
from batchrunner.plans import Change, Plan, PlannedSpec, Resume, Sendable, Submit, action_of
from batchrunner.printable import printable
from batchrunner.render.basetext import base_text
from batchrunner.render.costs import cost_sentences
from batchrunner.render.folding import Fold, folded, gathered, thinned, unfolded
from batchrunner.render.github import neutral
from batchrunner.render.layout import INDENT, flow, paragraph
from batchrunner.render.reasons import command, explanation, sentence
from batchrunner.render.rows import ADDRESS_AT, Page, SendableRows, WordedRows, differing, sending, shared
from batchrunner.render.style import Style
from batchrunner.render.totals import VERBS, amounts, summary
from batchrunner.render.units import count, counted

SHOWN = 50
"""Changes of one action that are listed; the rest is counted and added up."""
NARROWEST_PAGE = 40
NOTICES_SHOWN = 20
"""Warnings, and refusals, that are listed."""
SPECS_SHOWN = 20
"""Specs that are listed although none of their changes is."""


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one action in one spec: the rows that are listed, and the rest."""

    action: str
    listed: Sequence[Fold]
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
        return [change for group in self.groups for change in (*unfolded(group.listed), *group.rest)]

    @property
    def sendable(self) -> list[Sendable]:
        """The changes that send something."""
        return [change for change in self.changes if isinstance(change, Submit | Resume)]


def plan_text(plan: Plan, style: Style, width: int = 80) -> str:
    """`plan` for a person, no line wider than `width` columns (at least 40) but commands, which are not cut.

    At most 50 rows of each action are listed; totals are of all. Ends without a newline.
    """
    page = Page(max(width, NARROWEST_PAGE), style)
    listed, passed_over = _chosen(_sections(plan))
    several = len({spec_of(change.address) for change in plan.sendable}) > 1
    lines = [*_targets(plan, page)]
    for section in listed:
        sums = _sums(section, page) if several else ()
        lines += [*_heading(section, page), *sums, "", *_rows(section, page), ""]
    if passed_over:
        changes = sum(len(section.changes) for section in passed_over)
        lines += [f"… and {counted(len(passed_over), 'more spec')} with {counted(changes, 'change')}", ""]
    if plan.base:
        lines += base_text(plan.base, page)
    lines += _notices(plan, page)
    lines += [style.bold(line) for line in flow(summary(plan), page.width)]
    if plan.sendable:
        lines += paragraph(" ".join(cost_sentences(plan.sendable)), page.width, indent=0)
    return neutral("\n".join([*lines, *_refusals(plan, page)]))


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


def _group(action: str, changes: Iterable[Change], room: dict[str, int]) -> Group:
    shown, repeats = thinned(folded(changes))
    allowed, folds = room[action], gathered(shown, SHOWN)
    room[action] -= min(allowed, len(folds))
    return Group(action, folds[:allowed], unfolded([*folds[allowed:], *repeats]))


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


def _rows(section: Section, page: Page) -> Iterator[str]:
    rows = _Rows(section, page)
    for group in section.groups:
        for fold in group.listed:
            yield from (*rows.of(fold), *_notes(fold, page))
        if group.rest:
            yield from _rest(group, page)
    if not section.groups:
        yield "  no batches"


class _Rows:
    def __init__(self, section: Section, page: Page) -> None:
        listed = [fold for group in section.groups for fold in group.listed]
        fields = differing(section.sendable, section.specs[0] if section.specs else None)
        self._sending = SendableRows(page, [fold for fold in listed if sending(fold)], fields, section.name)
        self._resting = WordedRows(page, [fold for fold in listed if not sending(fold)], section.name)

    def of(self, fold: Fold) -> list[str]:
        if sending(fold):
            return self._sending.row(fold)
        return self._resting.row(fold, sentence(fold.first, shards=fold.changes))


def _heading(section: Section, page: Page) -> Iterator[str]:
    name = printable(section.name)
    for spec in section.specs:
        state = f"state {printable(spec.state)} " + (f"#{spec.serial}" if spec.lineage else "(new)")
        first, *more = flow([name, f"run {printable(spec.run)}", state], page.width, between="   ", indent=2)
        yield from (page.style.bold(first), *more)
    if not section.specs:
        yield page.style.bold(name)
    agreed = [f"{label} {value}" for label, value in shared(section.sendable).items() if value]
    if agreed:
        lines = flow(agreed, page.width - 2, between="   ")
        yield from (page.style.dim(f"  {line}") for line in lines)


def _sums(section: Section, page: Page) -> Iterator[str]:
    """What one of several specs would send."""
    for line in paragraph(amounts(section.sendable), page.width, indent=2):
        yield page.style.dim(line) if line.strip() else ""


def _notices(plan: Plan, page: Page) -> Iterator[str]:
    notices = sorted(plan.notices, key=lambda notice: not notice.is_warning)
    for notice in notices[:NOTICES_SHOWN]:
        word = "warning:" if notice.is_warning else "note:"
        style = page.style.yellow if notice.is_warning else page.style.bold
        where = f"{printable(notice.where)}: " if notice.where else ""
        first, *more = paragraph(f"{word} {where}{printable(notice.message)}", page.width, indent=0)
        yield from (first.replace(word, style(word), 1), *more)
    if rest := notices[NOTICES_SHOWN:]:
        yield f"… and {counted(len(rest), 'more warning' if rest[0].is_warning else 'more note')}"
    if plan.notices:
        yield ""


def _refusals(plan: Plan, page: Page) -> Iterator[str]:
    for refusal in plan.refusals[:NOTICES_SHOWN]:
        rule = f"policy[{printable(refusal.rule)}]:"
        first, *more = paragraph(f"{rule} {printable(refusal.message)}", page.width, indent=0)
        yield from ("", first.replace(rule, page.style.bold(page.style.red(rule)), 1), *more)
    if rest := plan.refusals[NOTICES_SHOWN:]:
        yield from ("", f"… and {counted(len(rest), 'more refusal')}")


def _rest(group: Group, page: Page) -> list[str]:
    amount = amounts(group.rest)
    more = f"… and {count(len(group.rest))} more {VERBS[group.action]}"
    return paragraph(f"{more}: {amount}" if amount else more, page.width, indent=ADDRESS_AT)


def _notes(fold: Fold, page: Page) -> list[str]:
    lines = []
    if sending(fold) and fold.first.reason != "new":
        lines += paragraph(sentence(fold.first, shards=fold.changes), page.width)
    if explained := explanation(fold.changes):
        lines += paragraph(explained, page.width)
    if typed := command(fold.first):
        lines.append(" " * (INDENT + 2) + page.style.bold(typed))
    return lines
