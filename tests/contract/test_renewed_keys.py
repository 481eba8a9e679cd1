"""Keys that live for minutes: replies are kept, and no key in them, whichever of them it is by now."""

import asyncio
from threading import Event

from support.builders import facts
from support.scripted_desk import Got, Told, scripted_desk

from batchrunner.providers._calls import Call, Reply
from batchrunner.providers._wire import Wire

OLD, NEW = "an-old-token-0123456789", "a-new-token-0123456789"


def test_a_reply_holds_no_key_that_was_renewed_while_it_was_awaited() -> None:
    begun, renewed = Event(), Event()

    def answer(got: Got) -> Told:
        (begun if got.path == "/first" else renewed).set()
        assert renewed.wait(10)
        return Told(body=got.headers["authorization"].encode())

    async def both(origin: str) -> list[object]:
        given = iter([OLD, NEW])

        async def renewal(_refused: str) -> str:
            return next(given)

        wire = Wire("p", facts(origin=origin), OLD, stopping=lambda: False, in_flight=2, renewal=renewal)
        first = asyncio.create_task(wire.send(Call("POST", "/first", (), b"{}", 10)))
        await asyncio.to_thread(begun.wait, 10)
        try:
            return [await wire.send(Call("POST", "/second", (), b"{}", 10)), await first]
        finally:
            await wire.aclose()

    with scripted_desk(answer) as server:
        replies = asyncio.run(both(server.origin))

    assert [isinstance(reply, Reply) and reply.body for reply in replies] == [b"Bearer [redacted]"] * 2
