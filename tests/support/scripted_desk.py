"""A loopback HTTP server that answers as told and keeps what it was sent: token endpoints, webhooks, collectors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

from support.loopback import Quiet, serving


class Got(NamedTuple):
    """A request that came in. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Told(NamedTuple):
    """What is answered. A server that `stalls` takes the request and says nothing."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    stalls: bool = False


@dataclass
class ScriptedDesk:
    """`answer` decides what each request is answered; all of them are in `got`, in the order they came."""

    answer: Callable[[Got], Told]
    got: list[Got] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
    origin: str = ""


@contextmanager
def scripted_desk(answer: Callable[[Got], Told]) -> Iterator[ScriptedDesk]:
    """Run one for as long as it is needed."""
    desk = ScriptedDesk(answer)

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Got(self.command, self.path, headers, self.rfile.read(length))
            desk.got.append(got)
            desk.arrived.set()
            told = desk.answer(got)
            if told.stalls:
                desk.closing.wait()
                return
            self.send_response(told.status)
            for name, value in (*told.headers, ("Content-Length", str(len(told.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = _serve

    with serving(Handler) as desk.origin:
        try:
            yield desk
        finally:
            desk.closing.set()
