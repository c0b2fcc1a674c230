"""The error that a user can make; it imports nothing, so that a command can catch it at once."""


class BadInput(ValueError):
    """What a user gave cannot be used; the message is one sentence with the way out."""
