"""The one error of the local site: what could not be done, and what to do about it. Standard library only."""


class LocalProblem(Exception):
    """Nothing can go on without a person; `hint` is a command or setting that helps."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message
