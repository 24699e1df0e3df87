"""Values in complete statements, against the library's own escaping. No server."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymysql import ProgrammingError
from pymysql.constants import SERVER_STATUS

from sync.mysql.literals import literals
from sync.mysql.result import RowsConnection


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.binary(), st.text(), st.datetimes()
    )
)
@example("0123456789abcdef")
@example("²")
@example(datetime(1, 1, 1))  # noqa: DTZ001 - columns have no zone
@example(datetime(2024, 1, 2, 3, 4, 5, 1000))  # noqa: DTZ001
@pytest.mark.parametrize("status", [0, SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES])
def test_values_stand_in_statements_as_the_library_writes_them(status: int, value: object) -> None:
    """In either mode of escaping, which the server tells with each answer."""
    connection = RowsConnection(defer_connect=True)
    connection.server_status = status
    try:
        known = connection.escape(value)
    except ProgrammingError:
        with pytest.raises(ProgrammingError):
            literals(connection)(value)
        return
    assert literals(connection)(value) == known
