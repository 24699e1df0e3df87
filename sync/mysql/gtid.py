"""Sets of global transaction ids as values that grow: MySQL's executed set, MariaDB's position. No connection."""

from __future__ import annotations


class MySQLGtids:
    """uuid -> sorted, disjoint intervals [first, last]. Tagged ids ("uuid:tag:1-5") are kept apart by their tag."""

    def __init__(self, text: str = "") -> None:
        self._intervals: dict[str, list[list[int]]] = {}
        for item in text.replace("\n", "").split(","):
            source, *parts = item.strip().split(":")
            label = source.lower()
            for part in parts:
                first, _, last = part.partition("-")
                if not first.isdigit():
                    label = f"{source.lower()}:{part.strip().lower()}"
                    continue
                self._intervals.setdefault(label, []).append([int(first), int(last or first)])

    def add(self, source: str, number: int) -> None:
        """One more transaction of `source`."""
        intervals = self._intervals.setdefault(source.lower(), [])
        if intervals and intervals[-1][1] + 1 == number:
            intervals[-1][1] = number
            return
        if any(first <= number <= last for first, last in intervals):
            return
        intervals.append([number, number])
        intervals.sort()
        merged: list[list[int]] = []
        for first, last in intervals:
            if merged and merged[-1][1] + 1 >= first:
                merged[-1][1] = max(last, merged[-1][1])
            else:
                merged.append([first, last])
        self._intervals[source.lower()] = merged

    def __str__(self) -> str:
        items = []
        for source, intervals in sorted(self._intervals.items()):
            ranges = ":".join(str(first) if first == last else f"{first}-{last}" for first, last in intervals)
            items.append(f"{source}:{ranges}")
        return ",".join(items)


class MariaDBGtids:
    """domain -> last id "domain-server-number"."""

    def __init__(self, text: str = "") -> None:
        self._last: dict[str, str] = {}
        for item in text.split(","):
            if item.strip():
                self.add(item.strip())

    def add(self, gtid: str) -> None:
        """The domain's newest transaction."""
        self._last[gtid.split("-", 1)[0]] = gtid

    def __str__(self) -> str:
        return ",".join(self._last[domain] for domain in sorted(self._last))
