"""What a batch reads: a file the provider already has, or a local file and what checking it found."""

from typing import Any, Literal

from batchrunner.records import Record


class ProviderFile(Record, tag="provider-file", tag_field="kind"):
    """A file that is already at the provider."""

    file_id: str

    @property
    def content(self) -> str:
        """What identifies the content: the provider's id, as nothing else is known of it."""
        return f"file:{self.file_id}"


class Part(Record):
    """Where a shard lies in the content that it was cut from, at line ends.

    `number` counts from 1. `start` bytes and `before` requests of the content come before it. `whole_sha256` and
    `whole_size` (bytes) are the content's own: what all shards make up together.
    """

    number: int
    start: int
    before: int
    whole_sha256: str
    whole_size: int


class Template(Record):
    """What each row of a table is rendered with: `custom_id`, `body`, and the `url` of every request.

    `form` is that of the lines: `full`, `bare` without `method` and `url`, or `params`, as the body is called then.

    In texts only references to the row are left: `${row.NAME}` stands for a value of it, `$${` for `${`. Lines are
    rendered with the keys of `body` in sorted order, so that the order in which they were written changes nothing.
    """

    custom_id: str
    body: dict[str, Any]
    url: str
    form: Literal["full", "bare", "params"] = "full"


class LocalFile(Record, tag="local-file", tag_field="kind"):
    """Requests from a local file, or a shard of them. `path` is relative to the project root.

    `sha256` (of the bytes that are sent), `size` (in bytes) and `requests` (lines) are the content. Without a
    `template` the file holds the lines; with one it is a table, and its rows are rendered to them. `blake3` is a second
    digest of the same bytes, empty where it was not taken: it proves an upload at a quarter of the cost.
    """

    path: str
    sha256: str
    size: int
    requests: int
    models: tuple[str, ...] = ()
    blake3: str = ""
    part: Part | None = None
    template: Template | None = None

    @property
    def content(self) -> str:
        """The digest of the bytes, wherever they lie."""
        return self.sha256

    @property
    def whole(self) -> str:
        """The digest of all the content that this is a part of."""
        return self.part.whole_sha256 if self.part else self.sha256

    @property
    def start(self) -> int:
        """How many bytes of all the content come before this."""
        return self.part.start if self.part else 0


Source = ProviderFile | LocalFile
