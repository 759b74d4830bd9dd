"""Exceptions that callers may want to tell apart; all else is a plain ValueError."""


class InputError(ValueError):
    """The input cannot be used; the message says what was given and what to do."""


class NoFaceError(InputError):
    """There is no face where one is needed; the message says what was tried."""


class CancelledError(Exception):
    """Raised by a progress callback to stop the work; no unfinished file is left behind."""
