"""What stops a run."""


class Brake:
    """Says when to stop starting; what is in flight is still finished.

    Pulled by Ctrl-C, a refused key, a failed write.
    """

    def __init__(self) -> None:
        self.reason = ""

    @property
    def pulled(self) -> bool:
        """Whether nothing more may be started."""
        return bool(self.reason)

    def pull(self, reason: str) -> None:
        """Stop, for the first reason given."""
        self.reason = self.reason or reason
