"""Shards are shown as one row where they are alike, and nothing is lost or added by that."""

from hypothesis import given, settings
from hypothesis import strategies as st

from batchrunner.address import shard, spec_of
from batchrunner.manifest import LocalFile, Part, ProviderFile
from batchrunner.plans import Blocked, Change, Plan, PlannedSpec, Submit, Unchanged
from batchrunner.pricing import Estimate
from batchrunner.records import replace
from batchrunner.render.folding import FEWEST, folded, gathered, unfolded
from batchrunner.render.style import PLAIN
from batchrunner.render.text import plan_text


def submit(address: str, number: int, reason: str = "new") -> Submit:
    part = Part(number=number, start=0, before=0, whole_sha256="w", whole_size=9)
    source = LocalFile(path="a", sha256=f"s{number}", size=1_000_000, requests=100, part=part)
    cost = Estimate(
        input_tokens=1000, output_tokens=10, counted_by="bytes/4", cost_low=1.0, cost_high=2.0, basis="batch"
    )
    return Submit(
        address=shard(address, number) if number else address, run_key="r", reason=reason, attempt=1,
        idempotency_key=f"k{number}", fingerprint=f"f{number}", provider="p", origin="o", endpoint="/e",
        completion_window="24h", source=source, estimate=cost,
    )  # fmt: skip


def unchanged(address: str, number: int, batch_id: str = "b", when: str = "2026-11-22T01:00:00Z") -> Unchanged:
    return Unchanged(
        address=shard(address, number), run_key="r", reason="already-submitted", batch_id=batch_id, submitted_at=when
    )


def blocked(address: str, number: int, hint: str, explanation: str = "") -> Blocked:
    return Blocked(
        address=shard(address, number),
        run_key="r",
        reason="changed-since-submitted",
        hint=hint,
        explanation=explanation,
    )


def shown(*changes: Change) -> str:
    spec = PlannedSpec(name="n", path="n.yaml", sha256="", run="r", state="n.state.json")
    return plan_text(Plan(created_at="", tool_version="", specs=(spec,), changes=changes), PLAIN)


def addresses(*changes: Change) -> list[str]:
    return [fold.address for fold in folded(changes)]


def test_shards_in_a_row_are_one_row_with_their_totals() -> None:
    text = shown(*(submit("n/a", i) for i in range(1, 13)))
    assert "  +   a#1…#12  1,200 req  12.0 MB  ~12.0k tok  $12.00\N{EN DASH}24.00\n" in text
    assert "Plan: 12 to submit. 1,200 requests, 12.0 MB to upload." in text


def test_a_few_shards_are_rows_of_their_own() -> None:
    assert addresses(*(submit("n/a", i) for i in range(1, FEWEST))) == ["n/a#1", "n/a#2", "n/a#3"]


def test_a_gap_another_batch_and_another_reason_are_rows_of_their_own() -> None:
    first, second = [submit("n/a", i) for i in range(1, 6)], [submit("n/a", i) for i in range(7, 11)]
    again, other = submit("n/a", 11, "never-sent"), [submit("n/b", i) for i in range(12, 16)]
    assert addresses(*first, *second, again, *other, submit("n/c", 0)) == [
        "n/a#1…#5", "n/a#7…#10", "n/a#11", "n/b#12…#15", "n/c",
    ]  # fmt: skip


def test_unchanged_shards_are_told_without_their_batches() -> None:
    same = [unchanged("n/a", i, f"batch-{i}") for i in range(1, 6)]
    assert "already submitted for r at 2026-11-22 01:00 UTC, 5 batches" in shown(*same)
    later = unchanged("n/a", 6, when="2026-11-22T03:00:00Z")
    assert "at 2026-11-22 01:00 UTC to 2026-11-22 03:00 UTC, 6 batches" in " ".join(shown(*same, later).split())


def test_shards_that_one_command_settles_are_one_row_with_it() -> None:
    alike = [blocked("n/a", i, "batchrunner apply n.yaml --replace n/a", "input x -> y") for i in range(1, 6)]
    assert shown(*alike).count("--replace n/a\n") == shown(*alike).count("input x -> y") == 1
    own = [blocked("n/a", i, "batchrunner apply n.yaml --replace n/a", f"input {i}") for i in range(1, 6)]
    assert "input " not in shown(*own)
    each = [blocked("n/a", i, f"batchrunner resolve n/a#{i}") for i in range(1, 6)]
    assert shown(*each).count("batchrunner resolve") == 5


@given(st.lists(st.tuples(st.sampled_from(["n/a", "n/b"]), st.integers(0, 9), st.booleans()), max_size=30))
def test_folding_loses_nothing_and_keeps_the_order(drawn: list[tuple[str, int, bool]]) -> None:
    changes = [submit(name, number, "new" if new else "never-sent") for name, number, new in drawn]
    folds = folded(changes)
    assert unfolded(folds) == changes
    assert all(len(fold.changes) == 1 or len(fold.changes) >= FEWEST for fold in folds)


@given(st.text(max_size=20))
def test_any_address_can_be_folded(text: str) -> None:
    changes = [unchanged(text, 1)] * 5 + [Unchanged(address=text, run_key="", reason="", batch_id="", submitted_at="")]
    assert unfolded(folded(changes)) == changes


def test_a_number_that_is_no_shards_is_not_read() -> None:
    changes = [submit("n/a", 1), Blocked(address="n/a#" + "9" * 9999, run_key="r", reason="x", hint="")]
    assert len(folded(changes)) == 2


MANY_CHANGES = st.lists(
    st.builds(
        lambda spec, name, member, number, model, content: replace(
            submit(f"{spec}/{name}{f'[i={member}]' if member else ''}", number),
            run_key=f"content:{content}" if content else "day:2026-11-22",
            source=ProviderFile(file_id=f"f{content}") if model == "none" else LocalFile(
                path="a", sha256="s", size=1, requests=1, models=(model,)
            ),
        ),
        st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 30), st.integers(0, 3),
        st.sampled_from(["m", "n", "none"]), st.integers(0, 3),
    ),
    max_size=60,
)  # fmt: skip


@settings(deadline=None)
@given(MANY_CHANGES, st.integers(0, 20))
def test_gathering_loses_nothing_and_mixes_nothing(changes: list[Submit], most: int) -> None:
    folds = gathered(folded(changes), most)
    assert sorted(map(id, unfolded(folds))) == sorted(map(id, changes))
    for fold in folds:
        kinds = {(spec_of(c.address), type(c.source), getattr(c.source, "models", ())) for c in fold.changes}  # type: ignore[union-attr]
        assert len(kinds) == 1
    if len(folded(changes)) <= most:
        assert folds == folded(changes)


def test_what_has_a_command_of_its_own_is_not_gathered() -> None:
    many = [blocked(f"n/b{i}", 1, f"batchrunner resolve n/b{i}") for i in range(100)]
    assert len(gathered(folded(many), 40)) == 100
