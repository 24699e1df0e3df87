"""The collation by which text is compared exactly: every character counts, blanks at the end too."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.mysql_binary import Flavour

EXACT: Mapping[Flavour, str] = {Flavour.MYSQL: "utf8mb4_0900_bin", Flavour.MARIADB: "utf8mb4_nopad_bin"}
