"""Paths and arguments of bytes that are no UTF-8: refused in words, or working, and never a defect."""

import os

import pytest
from support.cli import Desk

ODD = os.fsdecode(b"x\xff")


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize("state", [f"{ODD}.json", f"{ODD}/", f"file:{ODD}"])
def test_a_state_that_no_plan_could_name_is_refused(shop: Desk, command: str, state: str) -> None:
    for ran in (
        shop.run(command, "s.yaml", "--state", state, "--json"),
        shop.run(command, "s.yaml", "--json", env={"BATCHRUNNER_STATE": state}),
    ):
        assert (ran.code, ran.error["code"], shop.posts) == (1, "not-utf-8", 0)


@pytest.mark.parametrize("command", ["plan", "apply", "validate"])
def test_a_spec_that_no_plan_could_name_is_refused(shop: Desk, command: str) -> None:
    folder = shop.folder / ODD
    folder.mkdir()
    (folder / "s.yaml").write_bytes((shop.folder / "s.yaml").read_bytes())
    for path in (f"{ODD}/s.yaml", ODD, "*/s.yaml"):
        ran = shop.run(command, path, "--json")
        assert (ran.code, shop.posts) == (1, 0)
        assert [each["code"] for each in ran.document["diagnostics"]] == ["not-utf-8"]


def test_work_goes_on_inside_of_such_a_folder(shop: Desk) -> None:
    folder = shop.folder / ODD
    (folder / "data").mkdir(parents=True)
    for name in ("s.yaml", "data/rows.jsonl", "batchrunner.yaml"):
        (folder / name).write_bytes((shop.folder / name).read_bytes())
    assert shop.run("apply", "s.yaml", "--json", cwd=ODD).document["submitted"] == 2
    assert shop.run("plan", "s.yaml", "--detailed-exitcode", cwd=ODD).code == 0


def test_a_replacement_or_a_target_of_such_a_name_is_refused(shop: Desk) -> None:
    ran = shop.run("apply", "s.yaml", "--replace", ODD, "--json")
    assert (ran.code, ran.error["code"], shop.posts) == (64, "no-such-address", 0)
    ran = shop.run("plan", "s.yaml", "--target", f"s/[!{os.fsdecode(bytes([255]))}]*", "--json")
    assert (ran.code, ran.error["code"]) == (64, "not-utf-8")
