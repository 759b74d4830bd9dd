"""Exceptions that a caller branches on; everything else is a plain ValueError."""


class InputError(ValueError):
    """The user's input cannot be used; the message says what was got and what to do."""


class NoFaceError(InputError):
    """No face was found where one is needed; the message says what was tried."""


class CancelledError(Exception):
    """A progress callback asked to stop; nothing half-written is left behind."""
