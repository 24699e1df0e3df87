"""DECIMAL as rows of the log and binary JSON hold it. Layout: mysql-server, strings/decimal.cc (decimal2bin)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

#: Bytes of decimal digits that fill no group of nine.
DIGIT_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


def of_decimal(precision: int, decimals: int) -> Callable[[bytes], Decimal]:
    """Groups of nine digits in four bytes each, counted from the point; the highest bit is set where it is not
    negative, else all bits are inverted."""
    whole = precision - decimals
    widths = [whole % 9, *[9] * (whole // 9), *[9] * (decimals // 9), decimals % 9]
    #: From the end: bits, their mask, what the group counts.
    groups, scale = [], 1
    for width in reversed(widths):
        bits = 8 * DIGIT_BYTES[width]
        groups.append((bits, (1 << bits) - 1, scale, 10**width))
        scale *= 10**width
    total = sum(bits for bits, *_ in groups)
    sign, ones = 1 << total - 1, (1 << total) - 1

    def read(data: bytes) -> Decimal:
        packed = int.from_bytes(data) ^ sign
        negative = packed & sign
        if negative:
            packed ^= ones
        value = 0
        for bits, mask, counts, most in groups:
            group = packed & mask
            if group >= most:
                raise ValueError("too large a group of digits")
            value += group * counts
            packed >>= bits
        digits = str(value)
        if decimals:
            digits = digits.zfill(decimals + 1)
            digits = f"{digits[:-decimals]}.{digits[-decimals:]}"
        return Decimal(f"-{digits}" if negative else digits)

    return read
