"""Every page of README.md and docs/ is carried out, in a repository of its own.

For those who write pages. A page begins in a folder called `repository` with the shipped specs and a provider in reach
(`alphaedge` is the sandbox, its key is set), unless it says otherwise in a comment of its own:

    <!-- set-up: git specs provider -->     words: specs, provider, git (a repository on `main` with all committed),
                                            empty (not even `.git`), fault=create:drop-after-commit=first

Blocks are taken in order. Each has a language, and something is done with each:

    console        `$ command` (`> ` goes on with it) and exactly what it prints, streams mixed. One bash for the page:
                   `cd`, `export` and `$?` work; what is left in the background ends with the page. A line `…` stands
                   for any lines. Times, ids, digests, prices and ages may differ; BATCHRUNNER_UPDATE_GOLDENS=1 writes
                   what was printed into the page where the two are not alike; read the difference.
    yaml json jsonl csv toml ini dockerfile text sql make, markdown, and sh or python that are files
                   written to the path that the first line names (`# specs/a.yaml`), or a comment right before the
                   block: <!-- file: data/a.json -->. Specs must be valid unless "broken" is in their name; project
                   files load.
    any language   with <!-- prints: batchrunner plan specs/a.yaml --format markdown --> right before the block: it is
                   what that command prints; with <!-- copy of: examples/a.py -->: it is that file of ours.
    python         runs, with warnings as errors.
    sh             is not run: the programs are known ones, and calls of `batchrunner` are parsed by it.

Links lead to files that are there and to headings that they have. Every page can be reached from docs/README.md: add a
line there for yours.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.markdown import Page
from support.pages import ROOT, carry_out, forking

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
INDEX = ROOT / "docs" / "README.md"
UPDATE = bool(os.environ.get("BATCHRUNNER_UPDATE_GOLDENS"))
NOT_RUN: Mapping[str, Mapping[str, str]] = {
    "docs/explanation/exactly-once.md": {"stateDiagram-v2": "a picture, which GitHub and GitLab draw"},
}
"""Blocks that are shown and not carried out: by page, their first line and the reason."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Commands are forks of one process: to start Python anew for each takes most of the time of a page."""
    with forking(tmp_path_factory.mktemp("pages") / "forking") as environment:
        yield environment


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_what_a_page_says_is_so(file: Path, tmp_path: Path, server: Mapping[str, str]) -> None:
    walk = carry_out(Page.read(file), tmp_path, NOT_RUN.get(name(file), {}), server)
    if UPDATE and walk.news:
        file.write_text(walk.page.rewritten(walk.news), encoding="utf-8")
    assert not walk.problems, "\n".join(walk.problems)


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_its_links_lead_somewhere(file: Path) -> None:
    for link in Page.read(file).links():
        target, _, anchor = link.partition("#")
        if re.match(r"https://|mailto:", target):
            continue
        led = (file.parent / target).resolve() if target else file
        assert led.exists(), link
        assert led.is_relative_to(ROOT), link
        assert not anchor or anchor in Page.read(led).anchors(), link


EVIDENCE = re.compile(r"\[`(\w+)`\]\(([^)#]+\.py)\)")


def test_the_evidence_is_there() -> None:
    """What a page calls a proof is a test of that name in that file."""
    found = [(file, *each) for file in PAGES for each in EVIDENCE.findall(file.read_text(encoding="utf-8"))]
    for file, function, target in found:
        assert f"def {function}(" in (file.parent / target).read_text(encoding="utf-8"), (name(file), function)
    assert len(found) > 20


def test_every_page_can_be_reached() -> None:
    found, new = set(), {INDEX}
    while new:
        found |= new
        links = ((page, link.partition("#")[0]) for page in new for link in Page.read(page).links())
        targets = {(page.parent / link).resolve() for page, link in links if link.endswith(".md") and ":" not in link}
        new = {target for target in targets if target.exists()} - found
    assert {name(file) for file in PAGES} <= {name(file) for file in found if file.is_relative_to(ROOT)}


def test_what_is_not_run_is_there() -> None:
    for page, blocks in NOT_RUN.items():
        first_lines = {block.lines[0] for block in Page.read(ROOT / page).blocks() if block.lines}
        assert set(blocks) <= first_lines
