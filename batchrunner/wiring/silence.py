"""Nobody to tell."""


class Silent:
    """A reporter that shows nothing: what happens on the way is not what was asked for."""

    def report(self, event: object) -> None:
        """Show nothing."""
