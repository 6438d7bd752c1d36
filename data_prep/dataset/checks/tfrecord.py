"""Reads a TFRecord file that may be damaged, record by record.

TensorFlow's reader stops at the first damaged record and does not say where it is. Each record is,
in little endian: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the data.
"""

from __future__ import annotations

import os
import pathlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

_HEADER, _FOOTER = 12, 4
# CRC-32C (Castagnoli), reflected polynomial.
_POLYNOMIAL = 0x82F63B78


class Entry(NamedTuple):
    """One record: its number in the file, its data (None: damaged), its problem (empty: none)."""

    number: int
    data: bytes | None
    problem: str


def read(path: str | pathlib.Path) -> Iterator[Entry]:
    """Yields all records of a file, damaged ones too.

    Nothing can be read after a damaged length; the last Entry says so.
    """
    number = offset = 0
    try:
        for data in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield Entry(number, data, "")
            number, offset = number + 1, offset + _HEADER + len(data) + _FOOTER
    except tf.errors.DataLossError:
        pass
    # This reads only some 10 MB per second, but continues after damage. It also reads the end of a
    # file without damage, because TensorFlow ignores up to 11 bytes there.
    yield from _after_damage(path, number, offset)


def _after_damage(path, number: int, offset: int) -> Iterator[Entry]:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(offset)
        while offset < size:
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                yield Entry(number, None, f"cut off at byte {size}, the end of the file")
                return
            length, check = struct.unpack("<QI", header)
            if masked_crc(header[:8]) != check:
                yield Entry(
                    number, None, f"length damaged at byte {offset} (CRC), the rest is unreadable"
                )
                return
            if offset + _HEADER + length + _FOOTER > size:
                yield Entry(number, None, f"cut off at byte {size}, the end of the file")
                return
            data = file.read(length)
            (check,) = struct.unpack("<I", file.read(_FOOTER))
            sound = masked_crc(data) == check
            yield Entry(number, data if sound else None, "" if sound else "content damaged (CRC)")
            number, offset = number + 1, offset + _HEADER + length + _FOOTER


def masked_crc(data: bytes) -> int:
    """The masked CRC-32C that TFRecord files store beside `data`."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()
