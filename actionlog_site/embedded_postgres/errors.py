"""The one error of this package."""


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot do what was asked; the message tells the operator what to do."""
