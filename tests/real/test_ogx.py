"""OGX, a server of OpenAI's files and batches that honours a key in the body. All we know of it is a project file."""

from pathlib import Path

import pytest
from support.killing import Killer
from support.real_desks import MOMENTS, RealDesk
from support.real_servers import RealServer

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def desk(tmp_path: Path, real_ogx: RealServer) -> RealDesk:
    return RealDesk.opened(tmp_path, real_ogx, idempotency="body")


def test_a_batch_is_submitted_once(desk: RealDesk) -> None:
    assert desk.run("apply", "s.yaml").code == 0
    again = desk.run("apply", "s.yaml", "--json")
    assert (again.code, again.document["submitted"]) == (0, 0)
    desk.assert_once()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_applied_again_it_is_one_batch(desk: RealDesk, killer: Killer, moment: str) -> None:
    assert desk.killed(killer, "apply", "s.yaml", label=moment).killed
    assert desk.apply_until_done() == 1
    desk.assert_once()
