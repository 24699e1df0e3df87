"""The table of named states, walked whole."""

from __future__ import annotations

import pytest

from sync import errors
from sync.model.states import SILENT, SILENT_HINT, STATES, State, judged


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


@pytest.mark.parametrize("state", STATES.values(), ids=lambda state: state.name)
def test_health_of_a_worker_that_talks_is_that_of_its_state(state: State) -> None:
    """With its own hint."""
    found = judged(state.name, "a hint", SILENT - 1)
    assert (found.running, found.healthy, found.hint) == (not state.stopped, state.healthy, "a hint")


@pytest.mark.parametrize("state", STATES.values(), ids=lambda state: state.name)
def test_a_silent_worker_is_gone_and_the_hint_says_what_helps(state: State) -> None:
    """Its own where it stopped in a named state: starting it again would not help."""
    found = judged(state.name, "a hint", SILENT + 1)
    assert (found.running, found.healthy) == (False, False)
    assert found.hint == ("a hint" if state.stopped else SILENT_HINT)


@pytest.mark.parametrize("age", [0, SILENT + 1])
def test_a_state_of_another_version_is_no_health(age: float) -> None:
    """Only its own hint can tell what helps."""
    found = judged("levitating", "a hint", age)
    assert (found.running, found.healthy, found.hint) == (False, False, "a hint")
