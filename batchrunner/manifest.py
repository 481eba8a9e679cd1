"""What a batch reads: a file the provider already has, or a local file and what scanning it found."""

from batchrunner.records import Record


class ProviderFile(Record, tag="provider-file", tag_field="kind"):
    """A file that is already at the provider."""

    file_id: str

    @property
    def content(self) -> str:
        """What identifies the content: the provider's id, as nothing else is known of it."""
        return f"file:{self.file_id}"


class LocalFile(Record, tag="local-file", tag_field="kind"):
    """A local JSONL file. `path` is relative to the project root.

    `sha256` (of the bytes), `size` (in bytes) and `requests` (lines) are its content.
    """

    path: str
    sha256: str
    size: int
    requests: int
    models: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """The digest of the bytes, wherever they lie."""
        return self.sha256


Source = ProviderFile | LocalFile
