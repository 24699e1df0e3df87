"""The table of named states, walked whole."""

from __future__ import annotations

from sync import errors
from sync.model.states import STATES


def all_errors(root: type[errors.LockstepError]) -> list[type[errors.LockstepError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


def test_every_error_leads_to_a_named_state() -> None:
    """Whatever ends or delays a worker has a row in the table."""
    assert {error.state for error in all_errors(errors.LockstepError)} <= STATES.keys()


def test_every_state_that_needs_a_person_names_a_command() -> None:
    """A state that does not end by itself says how to end it."""
    assert all("lockstep" in state.help for state in STATES.values() if not state.healthy)


def test_a_stopped_worker_is_never_healthy() -> None:
    """No state is both."""
    assert not any(state.healthy and state.stopped for state in STATES.values())
