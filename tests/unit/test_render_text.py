"""A plan as text stays readable and true at any size."""

import re

import pytest

from batchrunner.comparison import Base, Difference
from batchrunner.manifest import LocalFile, ProviderFile
from batchrunner.plans import (
    SYMBOLS,
    Blocked,
    Change,
    Import,
    Move,
    Orphan,
    Plan,
    PlannedSpec,
    Replace,
    Resume,
    Submit,
    Unchanged,
)
from batchrunner.records import replace
from batchrunner.render.layout import width_of
from batchrunner.render.reasons import REASONS, sentence
from batchrunner.render.style import PLAIN
from batchrunner.render.text import plan_text

RUN = "day:2026-11-22"


def spec(name: str = "nightly", run: str = RUN) -> PlannedSpec:
    path = f"specs/{name}.yaml"
    return PlannedSpec(
        name=name, path=path, sha256="sha256:00", run=run, state=f"specs/{name}.state.json", lineage="l", serial=4
    )


def plan(*changes: Change, specs: tuple[PlannedSpec, ...] = (spec(),), targets: tuple[str, ...] = ()) -> Plan:
    return Plan(
        created_at="2026-11-22T01:31:00Z", tool_version="1", plan_id="p", specs=specs, changes=changes, targets=targets
    )


def submit(address: str, size: int = 1000, models: tuple[str, ...] = (), **fields: str) -> Submit:
    known = {"run_key": RUN, "provider": "alphaedge", "endpoint": "/v1/embeddings", "completion_window": "24h"} | fields
    source = LocalFile(path="a.jsonl", sha256="sha256:01", size=size, requests=10, models=models)
    return Submit(
        address=address,
        reason="new",
        attempt=1,
        idempotency_key="k",
        fingerprint="f",
        origin="o",
        source=source,
        **known,
    )  # type: ignore[arg-type]


def unchanged(address: str) -> Unchanged:
    return Unchanged(
        address=address, run_key=RUN, reason="already-submitted", batch_id="b", submitted_at="2026-11-22T02:31:00Z"
    )


def blocked(address: str, hint: str = "batchrunner resolve x") -> Blocked:
    return Blocked(address=address, run_key=RUN, reason="in-doubt-held", hint=hint)


def lines_of(plan: Plan, width: int = 80) -> list[str]:
    return plan_text(plan, PLAIN, width).split("\n")


def test_the_run_is_printed_first() -> None:
    named = spec(run="day:2026-11-22 (Europe/Paris)")
    first, *_ = lines_of(plan(submit("nightly/a"), specs=(named,)))
    assert first == "nightly   run day:2026-11-22 (Europe/Paris)   state specs/nightly.state.json #4"


def test_a_row_says_what_a_reviewer_asks() -> None:
    text = plan_text(plan(submit("nightly/a[lang=en]", size=73_600_000)), PLAIN)
    for said in ("  +   a[lang=en]", "10 req", "73.6 MB", "/v1/embeddings", "24h", "alphaedge"):
        assert said in text


@pytest.mark.parametrize("field", ["provider", "endpoint", "completion_window"])
def test_what_differs_is_on_the_row(field: str) -> None:
    rows = lines_of(plan(submit("nightly/a", **{field: "/one"}), submit("nightly/b", **{field: "/two"})))
    assert [row.split()[-1] for row in rows if row.startswith("  +")] == ["/one", "/two"]


def test_the_model_is_in_the_heading_where_all_agree() -> None:
    rows = lines_of(plan(submit("nightly/a", models=("mini",)), submit("nightly/b", models=("mini",))))
    assert "   model mini" in rows[1]
    assert "mini" not in "".join(rows[2:])
    assert "model" not in plan_text(plan(submit("nightly/a")), PLAIN)


def test_models_that_differ_are_on_the_rows() -> None:
    uploaded = replace(submit("nightly/c", models=("lost",)), source=ProviderFile(file_id="file-1"))
    rows = lines_of(
        plan(submit("nightly/a", models=("mini",)), submit("nightly/b", models=("o3", "big", "mini")), uploaded), 200
    )
    assert "model" not in rows[1]
    assert [row.split("  ")[-1] for row in rows if row.startswith(("  +   a", "  +   b"))] == ["mini", "big +2"]
    assert not any("lost" in row for row in rows)


def test_models_of_shards_in_one_row_are_those_of_all() -> None:
    shards = [submit(f"nightly/a#{number}", models=("mini",)) for number in range(1, 6)]
    rows = lines_of(plan(*shards, submit("nightly/a#6", models=("mini", "o3"))))
    assert any(row.startswith("  +   a#1…#6") and row.endswith("  mini +1") for row in rows)


def test_fields_that_do_not_fit_beside_the_numbers_stand_under_them() -> None:
    long, other = "m" * 40, "n" * 40
    rows = lines_of(plan(submit("nightly/a", models=(long,)), submit("nightly/b[lang=en]", models=(other,))), 50)
    start = next(index for index, row in enumerate(rows) if row.startswith("  +"))
    assert rows[start : start + 4] == [
        "  +   a           10 req  1.0 kB",
        f"        {long}",
        "  +   b[lang=en]  10 req  1.0 kB",
        f"        {other}",
    ]


def test_a_run_that_is_not_the_specs_is_shown() -> None:
    rows = lines_of(plan(submit("nightly/a", run_key="day:2026-11-20"), specs=(spec(run="day:2026-11-21"),)))
    assert any(row.endswith("day:2026-11-20") for row in rows)
    by_content = lines_of(plan(submit("nightly/a", run_key="content:0123456789ab"), specs=(spec(run="content"),)))
    assert not any("content:" in row for row in by_content)
    assert not any(RUN in row for row in lines_of(plan(submit("nightly/a")))[1:])


def test_a_label_in_a_time_zone_is_the_same_run() -> None:
    named = spec(run=f"{RUN} (Europe/Paris)")
    assert not any(RUN in row for row in lines_of(plan(submit("nightly/a"), specs=(named,)))[1:])


def test_what_a_provider_has_is_counted_apart() -> None:
    uploaded = Submit(
        address="nightly/a", run_key=RUN, reason="new", attempt=1, idempotency_key="k", fingerprint="f", provider="p",
        origin="o", endpoint="/e", completion_window="24h", source=ProviderFile(file_id="file-abc123"),
    )  # fmt: skip
    *_, summary, cost = lines_of(plan(uploaded))
    assert summary == "Plan: 1 to submit. 1 file already at the provider."
    assert cost == "Cost estimate: unknown."


def test_many_that_are_unchanged_are_three_and_a_number() -> None:
    ten = [unchanged(f"nightly/b{i}") for i in range(10)]
    assert len([row for row in lines_of(plan(*ten)) if row.startswith("  =")]) == 10
    failed = replace(unchanged("nightly/failed"), reason="failed-remotely", status="expired")
    others = [submit(f"nightly/s{i}") for i in range(40)]
    rows = lines_of(plan(*others, *ten, failed, *(unchanged(f"nightly/c{i}") for i in range(21))))
    assert [row.split()[1] for row in rows if row.startswith("  =")] == ["b0", "b1", "b2", "failed"]
    assert "      … and 28 more unchanged" in rows
    assert len([row for row in rows if row.startswith("  +")]) == 40
    assert rows[-2].startswith("Plan: 40 to submit, 32 unchanged.")


def test_unchanged_rows_that_differ_in_what_became_of_them_are_not_one() -> None:
    running = [replace(unchanged(f"nightly/b{i}"), status="running") for i in range(8)]
    rows = lines_of(plan(*running, *(unchanged(f"nightly/c{i}") for i in range(8))))
    assert len([row for row in rows if row.startswith("  =")]) == 16


def test_a_short_row_is_one_line_beside_long_ones() -> None:
    rows = lines_of(plan(unchanged("nightly/short"), unchanged(f"nightly/{'long' * 9}")))
    said = "already submitted for day:2026-11-22 at 02:31 UTC, b"
    assert any(row.startswith("  =   short ") and row.endswith(said) for row in rows)
    assert f"        {said}" in rows


def test_a_command_is_never_cut() -> None:
    hint = "batchrunner apply " + "x" * 200
    assert " " * 10 + hint in lines_of(plan(blocked("nightly/a", hint)))


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ((), "No changes. There is nothing to submit."),
        ((unchanged("nightly/a"),), "No changes. Nothing to send: 1 unchanged."),
        ((blocked("nightly/a"),), "Plan: nothing to send, 1 blocked."),
        (
            (submit("nightly/a"), unchanged("nightly/b")),
            "Plan: 1 to submit, 1 unchanged. 10 requests, 1.0 kB to upload. Cost estimate: unknown.",
        ),
    ],
)
def test_the_summary(changes: tuple[Change, ...], last: str) -> None:
    assert " ".join(lines_of(plan(*changes))).endswith(f" {last}")


def test_ten_thousand_changes_that_are_alike_are_one_row_with_true_totals() -> None:
    text = plan_text(plan(*(submit(f"nightly/b{i}", size=2000) for i in range(10_000))), PLAIN)
    rows = text.split("\n")
    assert [row for row in rows if row.startswith("  +")] == ["  +   b0 … b9999 (10,000 batches)  100,000 req  20.0 MB"]
    assert rows[-2] == "Plan: 10,000 to submit. 100,000 requests, 20.0 MB to upload."


def test_ten_thousand_changes_are_fifty_lines_and_true_totals() -> None:
    changes = [replace(submit(f"nightly/b{i}", size=2000), endpoint=f"/v1/{i}") for i in range(10_000)]
    text = plan_text(plan(*changes), PLAIN)
    rows = text.split("\n")
    assert len([row for row in rows if row.startswith("  +")]) == 50
    words = " ".join(text.split())
    assert "… and 9,950 more to submit: 99,500 requests, 19.9 MB to upload, cost unknown" in words
    assert rows[-2] == "Plan: 10,000 to submit. 100,000 requests, 20.0 MB to upload."
    assert len(rows) < 111


def test_matrix_members_are_gathered_before_batches_are() -> None:
    changes = [submit(f"nightly/{name}[i={i}]", size=2000) for name in ("a", "b") for i in range(500)]
    rows = [row for row in lines_of(plan(*changes)) if row.startswith("  +")]
    assert rows == [
        "  +   a[…] (500 batches)  5,000 req  1.0 MB",
        "  +   b[…] (500 batches)  5,000 req  1.0 MB",
    ]


def based(*differences: Difference, problem: str = "") -> str:
    base = Base(revision="origin/main", commit="0123456789abcdef", differences=differences, problem=problem)
    return plan_text(replace(plan(submit("nightly/a")), base=base), PLAIN)


def test_what_is_declared_otherwise_is_a_diff() -> None:
    changed = Difference(
        address="nightly/a", kind="changed", lines=("@@", " x: 1", "-model: a", "+model: b"), omitted=2
    )
    moved = Difference(address="nightly/c", kind="moved", previous="nightly/b")
    assert """
Against origin/main (0123456789ab): 1 changed, 1 moved.
  changed nightly/a
    @@
     x: 1
    -model: a
    +model: b
    … 2 more lines
  moved nightly/c (was nightly/b)

""" in based(changed, moved)
    assert "Against origin/main (0123456789ab): the specs declare the same.\n" in based()
    assert "\nNot compared: specs/a.yaml: line 3: bad\n" in based(problem="specs/a.yaml: line 3: bad")


def test_ten_thousand_differences_are_counted() -> None:
    text = based(*(Difference(address=f"nightly/b{i}", kind="changed", lines=(f"+x: {i}",)) for i in range(10_000)))
    assert "Against origin/main (0123456789ab): 10,000 changed.\n" in text
    assert "  … and 9,980 more batches that differ\n" in text
    assert len(text.split("\n")) < 70


def test_what_waits_for_a_person_is_listed_behind_ten_thousand_others() -> None:
    many = [submit(f"nightly/b{i}") for i in range(10_000)]
    assert any(row.startswith("  !   last") for row in lines_of(plan(*many, blocked("nightly/last"))))


def test_a_thousand_specs_are_not_a_thousand_headings() -> None:
    specs = tuple(spec(f"s{i}") for i in range(1000))
    changes = [submit(f"s{i}/b{j}") for i in range(1000) for j in range(10)]
    rows = lines_of(plan(*changes, blocked("s999/held"), specs=specs))
    assert sum("   run " in row for row in rows) == 21
    assert any(row.startswith("s999 ") for row in rows)
    assert "… and 979 more specs with 9,790 changes" in rows
    assert len(rows) < 250


def test_a_change_of_an_unknown_spec_is_not_lost() -> None:
    assert any(
        "  ~   gone" in row for row in lines_of(plan(Orphan(address="old/gone", run_key=RUN, reason="not-in-specs")))
    )


def test_the_longest_legal_address_keeps_every_part() -> None:
    members = ",".join(f"k{i}=" + f"{i}" * 60 for i in range(5))
    address = f"nightly/{'n' * 63}[{members}]"
    rows = lines_of(plan(submit(address)))
    joined = "".join(row.strip() for row in rows)
    assert f"{'n' * 63}[{members}]" in joined
    assert all(width_of(row) <= 80 for row in rows)


@pytest.mark.parametrize("width", [1, 20, 40, 79, 80, 300])
def test_any_width_is_survived(width: int) -> None:
    changes = [submit("nightly/" + "a" * 63), unchanged("nightly/b"), blocked("nightly/c", "x")]
    assert all(width_of(row) <= max(width, 40) for row in lines_of(plan(*changes), width))


def test_targets_are_named() -> None:
    assert lines_of(plan(targets=("nightly/a", "b*")))[0] == "Only what --target names: nightly/a, b*"


def test_a_spec_without_targeted_batches_is_not_said_to_have_none() -> None:
    specs = (spec("first"), spec("nightly"))
    assert "no batches" in plan_text(plan(submit("nightly/a"), specs=specs), PLAIN)
    text = plan_text(plan(submit("nightly/a"), specs=specs, targets=("nightly/a",)), PLAIN)
    assert "first" not in text


def test_every_symbol_is_in_its_row() -> None:
    resume = Resume(
        address="nightly/r", run_key=RUN, reason="interrupted", attempt=1, idempotency_key="k", fingerprint="f",
        provider="p", origin="https://p.example", endpoint="/e", completion_window="24h",
        source=ProviderFile(file_id="f"), base_version="1",
    )  # fmt: skip
    base = submit("nightly/x")
    again = Replace(**{name: getattr(base, name) for name in base.__struct_fields__}, replaces="b1")
    orphan = Orphan(address="nightly/o", run_key=RUN, reason="not-in-specs", batch_id="b")
    move = Move(address="nightly/m", reason="declared-in-moved", previous="nightly/l")
    taken = Import(
        address="nightly/i", run_key=RUN, reason="declared-in-imports", attempt=1, idempotency_key="k", fingerprint="f",
        provider="p", origin="https://p.example", endpoint="/e", completion_window="24h",
        source=ProviderFile(file_id="f"), batch_id="b",
    )  # fmt: skip
    rows = lines_of(
        plan(submit("nightly/s"), resume, again, unchanged("nightly/u"), blocked("nightly/h"), orphan, move, taken)
    )
    symbols = {match[1] for row in rows if (match := re.match(r"  (\S+) +\w", row))}
    assert symbols >= set(SYMBOLS.values())


def test_every_reason_becomes_a_sentence_without_gaps() -> None:
    for reason in REASONS:
        words = sentence(Unchanged(address="n/a", run_key=RUN, reason=reason, batch_id="b", submitted_at=""))
        assert "{" not in words
        assert "_" not in words


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert sentence(Orphan(address="n/a", run_key=RUN, reason="from-tomorrow\x1b")) == "from-tomorrow\\x1b"
