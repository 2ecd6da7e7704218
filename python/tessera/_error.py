"""The one exception of the package."""


class Error(Exception):
    """What went wrong: str() is "what: why: remedy"."""

    what: str
    """The thing: a file, an option, a node."""
    why: str
    """The reason."""
    remedy: str
    """What to do about it; may be empty."""
    kind: str
    """One of "invalid" (the words or the input were wrong), "unavailable" (not on this machine), "failed" (the work failed)."""

    def __init__(self, what: str, why: str, remedy: str = "", kind: str = "invalid"):
        super().__init__(what, why, remedy, kind)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.kind = kind

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why, self.remedy) if part)
