"""Refusals: of the key, of one batch, of everything until a key is there."""

from support.runs import KEY, Project, at_desk, batch, spec


def statuses(project: Project) -> set[str]:
    return {attempts[-1]["status"] for attempts in project.attempts().values()}


def state_files(project: Project) -> list[str]:
    return sorted(path.name for path in project.folder.glob("specs/*.state.j*"))


def test_a_wrong_key_stops_the_run_with_nothing_in_doubt() -> None:
    with at_desk() as desk:
        project = desk.project()
        refused = project.run("apply", "specs", "--concurrency", "1", ALPHAEDGE_API_KEY="wrong")
        assert refused.code == 1
        assert "401" in refused.out
        assert "wrong" not in refused.out + refused.err
        assert desk.ledger.requests() == {"unauthorized": 1} | {
            name: 0 for name in desk.ledger.requests() if name != "unauthorized"
        }
        assert statuses(project) == {"deferred"}
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_a_wrong_key_with_many_in_flight_sends_no_more_than_those() -> None:
    with at_desk() as desk:
        ready = [batch(f"b{number}", f"file-{number}") for number in range(40)]
        project = desk.project({"nightly": spec(*ready)})
        refused = project.run("apply", "specs", "--concurrency", "4", ALPHAEDGE_API_KEY="wrong")
        assert refused.code == 1
        assert desk.ledger.requests()["unauthorized"] <= 4
        assert statuses(project) == {"deferred"}
        assert project.apply_until_done() == 1
        project.assert_exactly_once(40)


def test_a_key_refused_after_a_lost_reply_leaves_that_one_in_doubt() -> None:
    with at_desk("create:drop-after-commit=first", "create:401=first:2") as desk:
        project = desk.project()
        assert project.run("apply", "specs", "--concurrency", "1").code == 1
        assert statuses(project) == {"in-doubt"}
        assert project.apply_until_done() == 1
        project.assert_exactly_once()


def test_without_a_key_nothing_is_written_or_sent() -> None:
    with at_desk() as desk:
        project = desk.project()
        refused = project.run("apply", "specs", ALPHAEDGE_API_KEY=None)
        assert refused.code == 1
        assert "ALPHAEDGE_API_KEY" in refused.err
        assert not state_files(project)
        assert desk.posts() == 0
        assert KEY not in refused.out + refused.err


def test_what_the_provider_refuses_is_said_in_its_words_and_the_rest_goes_on() -> None:
    with at_desk() as desk:
        odd = {"name": "odd", "input_file_id": "file-3", "endpoint": "/v1/telepathy"}
        project = desk.project({"nightly": spec(batch("a", "file-1"), odd, batch("b", "file-2"))}, endpoints=None)
        partial = project.run("apply", "specs")
        assert partial.code == 3
        assert "Unsupported endpoint" in partial.out
        assert "400" in partial.out
        assert {"nightly/a", "nightly/b"} == set(project.ids())
        assert {made["id"] for made in project.batches()} == set(project.ids().values())
        project.write("specs/nightly.yaml", spec(batch("a", "file-1"), batch("odd", "file-3"), batch("b", "file-2")))
        assert project.apply_until_done() == 1
        project.assert_exactly_once()
