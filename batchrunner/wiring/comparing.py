"""What the specs of a workspace declare, against what they declared at a git revision."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchrunner.address import is_targeted, spec_of
from batchrunner.comparison import Base, differences_between
from batchrunner.declaring import declaration_lines
from batchrunner.errors import BatchrunnerError, Diagnostic, InvalidFiles
from batchrunner.loader import (
    PROJECT_FILE,
    Source,
    bare_project,
    load_specs,
    project_of,
)
from batchrunner.printable import brief
from batchrunner.project import Project
from batchrunner.renaming import Renaming
from batchrunner.revisions import Entry, Repository
from batchrunner.spec import Batch, Spec
from batchrunner.wiring.contents import Contents
from batchrunner.wiring.declared import as_declared
from batchrunner.wiring.revisited import repository_of, specs_in, within
from batchrunner.wiring.workspace import Workspace

MAX_SPEC = (4 << 20) + 1
PROBLEMS_NAMED = 3


def compare(workspace: Workspace, revision: str, variables: Mapping[str, str]) -> Base:
    """`workspace` against `revision` of the git repository that it lies in.

    `variables` is the environment. Raises `Refused` `bad-revision`, `no-repository`, `git-missing`, `git-refused`, and
    `UsageError` `base-of-stdin`.
    """
    repository = repository_of(workspace.paths, variables)
    commit = repository.commit(revision)
    comparing = _Comparing(workspace, variables, repository, commit)
    targets, contents = workspace.choices.targets, comparing.contents
    before = comparing.base_specs(workspace.paths)
    contents.read(before)
    base = _lines(targets, before, contents.there)
    head = _lines(targets, comparing.head_specs(), contents.here)
    unread = comparing.unread
    rules = [rule for spec in workspace.specs for rule in spec.moved]
    found = differences_between(
        base,
        {address: lines for address, lines in head.items() if spec_of(address) not in unread},
        Renaming(rules).now,
    )
    problem = _problem(comparing.problems)
    return Base(revision=revision, commit=commit, head=repository.head(), differences=found, problem=problem)


def _problem(problems: Sequence[str]) -> str:
    rest = len(problems) - PROBLEMS_NAMED
    return "; ".join(problems[:PROBLEMS_NAMED]) + (f"; and {rest:,} more" if rest > 0 else "")


def _lines(
    targets: Sequence[str], specs: Iterable[Spec], content: Callable[[Spec, Batch], Sequence[str]]
) -> dict[str, Sequence[str]]:
    """The lines of each declared batch that is targeted, by address."""
    return {
        batch.address: declaration_lines(spec.run, batch.declaration, content(spec, batch))
        for spec in specs
        for batch in spec.batches
        if is_targeted(batch.address, targets)
    }


@dataclass(slots=True)
class _Comparing:
    workspace: Workspace
    variables: Mapping[str, str]
    repository: Repository
    commit: str
    problems: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Specs, by name, that cannot be compared."""
    projects: dict[str | None, Project | None] = field(default_factory=dict)
    """Projects of the base, by the path of their file; None for one that is invalid."""
    tree: Mapping[str, Entry] = field(init=False)
    contents: Contents = field(init=False)

    def __post_init__(self) -> None:
        root = self.within(self.workspace.project.root)
        inside = root if root is not None else ""
        # Project files may lie above the root that the one here makes.
        folders = inside.split("/") if inside else []
        above = [_joined(*folders[:depth], PROJECT_FILE) for depth in range(len(folders))]
        self.tree = self.repository.tree(self.commit, [inside, *above])
        self.contents = Contents(self.repository, self.tree, self.workspace.project.root, self.within)

    def within(self, path: str) -> str | None:
        """`path` relative to the top of the repository, links in its folder followed; None outside of it."""
        return within(self.repository.top, path)

    def head_specs(self) -> Sequence[Spec]:
        """The specs of the workspace with their patterns as they are declared."""
        return [as_declared(self.workspace, spec) for spec in self.workspace.specs]

    def base_specs(self, paths: Sequence[str]) -> Sequence[Spec]:
        """The specs at `paths` in the base; those that cannot be read are noted."""
        found = dict(pair for path in paths for pair in self._found(path))
        texts = dict(self.repository.contents([self.tree[at].object for at in found.values()], MAX_SPEC))
        specs: list[Spec] = []
        for shown, at in found.items():
            text, project = texts[self.tree[at].object], self._project(os.path.dirname(at))
            if project is None or text is None or not self.tree[at].is_file:
                self._skip(shown, "" if project is None else "it is a link, or not in this clone")
                continue
            try:
                specs += self._loaded([shown], {shown: text}, project)
            except BatchrunnerError as error:
                self._skip(shown, _words(error))
        return specs

    def _skip(self, path: str, why: str) -> None:
        """Leave the spec at `path` out on both sides: what it declared is not known."""
        same = os.path.realpath(path)
        self.unread |= {spec.name for spec in self.workspace.specs if os.path.realpath(spec.path) == same}
        if why:
            self.problems.append(f"{path}: {why}")

    def _loaded(self, paths: Sequence[str], texts: Mapping[str, bytes], project: Project) -> tuple[Spec, ...]:
        choices = self.workspace.choices
        return load_specs(
            paths,
            project=project,
            environment=self.variables,
            variables=choices.variables,
            now=self.workspace.now,
            run_key=choices.run_key or self.workspace.settings.run_key or None,
            stdin=bytes,
            read=lambda path, stdin: Source(path, texts[path]),
            all_variables=False,
        )

    def _found(self, path: str) -> Iterator[tuple[str, str]]:
        """The specs that `path` stands for at the base: as it would be typed, and in the repository."""
        inside = self.within(path)
        if inside is None:
            self.problems.append(f"{path}: it is outside of the repository")
            self.unread |= {spec.name for spec in self.workspace.specs if self.within(spec.path) is None}
        else:
            yield from specs_in(self.tree, path, inside, self.repository.top)

    def _project(self, folder: str) -> Project | None:
        """The project that specs in `folder` had at the base; None, with the problem noted, where it is invalid."""
        chosen = self.workspace.choices.project or self.workspace.settings.project
        if chosen and self.within(chosen) is None:
            return self.workspace.project
        at = self.within(chosen) if chosen else self._nearest(folder)
        if at not in self.projects:
            self.projects[at] = self._read_project(at)
        return self.projects[at]

    def _read_project(self, at: str | None) -> Project | None:
        if at is None or at not in self.tree:
            return bare_project(self.workspace.project.root)
        try:
            ((_, text),) = self.repository.contents([self.tree[at].object], MAX_SPEC)
            return project_of(
                Source(os.path.relpath(os.path.join(self.repository.top, at)), text or b""),
                self.workspace.choices.profile,
            )
        except BatchrunnerError as error:
            self.problems.append(f"the project file: {_words(error)}")
            return None

    def _nearest(self, folder: str) -> str | None:
        folders = folder.split("/") if folder else []
        candidates = (_joined(*folders[:depth], PROJECT_FILE) for depth in range(len(folders), -1, -1))
        return next((path for path in candidates if path in self.tree), None)


def _joined(*parts: str) -> str:
    return "/".join(parts)


def _words(error: BatchrunnerError) -> str:
    if not isinstance(error, InvalidFiles):
        return brief(error.message, 200)
    first: Diagnostic = error.diagnostics[0]
    rest = len(error.diagnostics) - 1 + error.unlisted
    place = f"line {first.line}: " if first.line else ""
    return f"{place}{brief(first.message, 200)}" + (f" (and {rest:,} more)" if rest else "")
