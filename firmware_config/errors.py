"""One exception tree for the contract: every error says what happened, to which thing, and what to do."""


class ContractError(Exception):
    """Something does not keep the contract (a file, a message, a name)."""


class WireError(ContractError):
    """A message from outside cannot be taken as ours; ``reason`` is a short stable word for counting and parking."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class StationFileError(ContractError):
    """A station file, card or site file is wrong; holds every problem found, not just the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DatabaseDamaged(ContractError):
    """A database file cannot be trusted as it stands; the caller salvages what it can and keeps the damaged file."""
