"""What a saved plan needs to find as it was: the bytes of each input that is still to be sent, read once."""

from collections import Counter
from pathlib import Path

import pytest
from support.builders import DAY, attempt, cut, desired, facts, intent, local, plan_of, shards, state_of

from batchrunner.desired import Desired
from batchrunner.errors import StaleError
from batchrunner.inputs import open_content
from batchrunner.manifest import LocalFile, Part, Template
from batchrunner.plans import Plan
from batchrunner.records import replace
from batchrunner.state import State
from batchrunner.wiring import grounds
from batchrunner.wiring.grounds import check_ground

EMPTY = State("")
ENDPOINT = "/v1/embeddings"
TEMPLATE = Template(custom_id="row-${row.id}", body={"model": "m", "input": "${row.id}"}, url=ENDPOINT)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tmp_path.joinpath("data").mkdir()
    tmp_path.joinpath("data/a.jsonl").write_text("abcde")
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[LocalFile]:
    """What is opened, in order."""
    found: list[LocalFile] = []

    def noting(root: str, source: LocalFile) -> object:
        found.append(source)
        return open_content(root, source)

    monkeypatch.setattr(grounds, "open_content", noting)
    return found


def check(plan: Plan, root: Path, state: State = EMPTY) -> None:
    check_ground(plan, {"nightly": state}, {"p": facts()}, str(root))


def refusal(plan: Plan, root: Path) -> StaleError:
    with pytest.raises(StaleError) as caught:
        check(plan, root)
    return caught.value


def test_the_shards_of_a_file_are_one_pass_over_it(root: Path, opened: list[LocalFile]) -> None:
    check(plan_of(shards("abcde", 2)), root)
    assert [(source.start, source.size) for source in opened] == [(0, 2), (2, 2), (4, 1)]


def test_what_several_batches_send_is_read_once(root: Path, opened: list[LocalFile]) -> None:
    source = local("abcde")
    check(plan_of([desired(f"nightly/{name}", source) for name in "abc"]), root)
    assert len(opened) == 1


@pytest.mark.parametrize("text", ["abXde", "abcd", "abcdef", "Xbcde", "abcdX", ""])
@pytest.mark.parametrize("fast", [True, False])
def test_a_change_in_any_shard_is_found(root: Path, text: str, fast: bool) -> None:
    from batchrunner.digest import blake3

    wanted = shards("abcde", 2)
    if fast:
        digests = [blake3() for _ in wanted]
        for digest, content in zip(digests, ("ab", "cd", "e"), strict=True):
            digest.update(content.encode())
        wanted = [
            desired(each.address, replace(each.source, blake3=f"blake3:{digest.hexdigest()}"))
            for each, digest in zip(wanted, digests, strict=True)
        ]
    check(plan_of(wanted), root)
    root.joinpath("data/a.jsonl").write_text(text)
    error = refusal(plan_of(wanted), root)
    assert (error.code, error.where) == ("input-changed", "data/a.jsonl")


def test_shards_that_are_uploaded_need_their_input_no_more(root: Path, opened: list[LocalFile]) -> None:
    one, two = shards("abcd", 2)[:2]
    plan = plan_of([one, two])
    change = plan.sendable[0]
    ours = intent(one, key=change.idempotency_key, plan_id=plan.plan_id)
    root.joinpath("data/a.jsonl").write_text("abcd")
    check(plan, root, state_of(attempt("uploaded", intent=ours), address=one.address, run_key=DAY))
    assert [source.start for source in opened] == [2]


def table_shards(root: Path, rows: int, at: int) -> list[Desired]:
    """A table of so many rows, planned in shards."""
    root.joinpath("data/t.csv").write_text("id\n" + "".join(f"{number}\n" for number in range(rows)))
    whole = LocalFile(path="data/t.csv", sha256="", size=1 << 30, requests=rows, template=TEMPLATE)
    lines = [
        f'{{"custom_id":"row-{n}","method":"POST","url":"{ENDPOINT}","body":{{"input":"{n}","model":"m"}}}}\n'
        for n in range(rows)
    ]
    text = "".join(lines)
    sources = []
    for number, first in enumerate(range(0, rows, at), 1):
        content = "".join(lines[first : first + at])
        part = Part(number=number, start=len("".join(lines[:first])), before=first, whole_sha256=local(text).sha256,
                    whole_size=len(text))  # fmt: skip
        sources.append(replace(whole, sha256=local(content).sha256, size=len(content), requests=min(at, rows - first),
                               part=part))  # fmt: skip
    return [desired(f"nightly/t#{number}", source, endpoint=ENDPOINT) for number, source in enumerate(sources, 1)]


def test_the_shards_of_a_table_are_rendered_once_for_all(root: Path, opened: list[LocalFile]) -> None:
    wanted = table_shards(root, 7, 2)
    check(plan_of(wanted), root)
    assert [(source.part, source.sha256) for source in opened] == [(None, wanted[0].source.whole)]  # type: ignore[union-attr]
    assert Counter(source.path for source in opened) == {"data/t.csv": 1}


@pytest.mark.parametrize("text", ["id\n0\n1\n2\nX\n4\n", "id\n0\n1\n2\n3\n", "id\n0\n1\n2\n3\n4\n5\n", "name\n0\n", ""])
def test_a_change_in_any_row_is_found(root: Path, text: str) -> None:
    plan = plan_of(table_shards(root, 5, 2))
    root.joinpath("data/t.csv").write_text(text)
    assert refusal(plan, root).code == "input-changed"


def test_a_slice_is_not_the_whole(root: Path) -> None:
    (one,) = cut("abcde", 9)
    check(plan_of([desired("nightly/a#1", one)]), root)
