"""The part of GitHub's REST API that the pull-request script uses, on loopback.

docs.github.com/rest/issues/comments, /rest/pulls/pulls,
/rest/commits/commits#list-pull-requests-associated-with-a-commit
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.loopback import Quiet, serving

BOT = "github-actions[bot]"
REPOSITORY = "acme/batches"
TOKEN = "ghs_canary0123456789abcdef"
LONGEST_BODY = 65_536


@dataclass
class GitHub:
    """One repository. `comments` are of its only pull request, `pulls` what lookups of pull requests answer.

    `refuse` are statuses by method, for a token that may not do it.
    """

    number: int = 7
    comments: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def say(self, body: str, author: str = BOT) -> int:
        """A comment by `author`; its id."""
        self.comments.append({"id": 1000 + len(self.comments), "user": {"login": author}, "body": body})
        return int(self.comments[-1]["id"])

    def body(self, number: int) -> str:
        """The text of the comment with that id."""
        return str(next(comment["body"] for comment in self.comments if comment["id"] == number))

    @property
    def environment(self) -> dict[str, str]:
        """What a runner tells a step of it."""
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}

    def answer(self, method: str, target: str, sent: Any) -> tuple[int, Any]:
        """Status and document for a request."""
        self.requests.append(f"{method} {target}")
        if method in self.refuse:
            return self.refuse[method], {"message": "Resource not accessible by integration"}
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix(f"/repos/{REPOSITORY}/")
        if method != "GET":
            return self._write(method, path, sent)
        if path == f"issues/{self.number}/comments":
            size, page = int(asked.get("per_page", 30)), int(asked.get("page", 1))
            return 200, self.comments[(page - 1) * size : page * size]
        if path == "pulls":
            return 200, [pull for pull in self.pulls if pull["state"] == "open" and pull["label"] == asked["head"]]
        if path.startswith("commits/"):
            return 200, self.pulls
        return 404, {"message": "Not Found"}

    def _write(self, method: str, path: str, sent: Any) -> tuple[int, Any]:
        if len(sent["body"]) > LONGEST_BODY:
            return 422, {"message": "Body is too long"}
        if method == "POST" and path == f"issues/{self.number}/comments":
            return 201, {"id": self.say(sent["body"])}
        for comment in self.comments:
            if method == "PATCH" and path == f"issues/comments/{comment['id']}":
                if comment["user"]["login"] != BOT:
                    return 403, {"message": "Must have admin rights"}
                comment["body"] = sent["body"]
                return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def github() -> Iterator[GitHub]:
    """A running one."""
    service = GitHub()

    class Handler(Quiet):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length)) if length else None
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            status, document = service.answer(self.command, self.path, sent) if allowed else (401, {})
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer

    with serving(Handler) as service.url:
        yield service
