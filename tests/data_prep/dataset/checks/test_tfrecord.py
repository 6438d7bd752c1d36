"""Damage of any kind in a TFRecord file is found, and what is still sound is still read."""

import struct

import pytest
import tensorflow as tf

from data_prep.dataset.checks import tfrecord

RECORDS = [bytes([number]) * (20 + 7 * number) for number in range(5)]
# Where each record begins, and where the file ends.
STARTS = [sum(16 + len(data) for data in RECORDS[:n]) for n in range(len(RECORDS) + 1)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("tfrecord") / "whole.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for data in RECORDS:
            writer.write(data)
    return path


def read(whole, data):
    path = whole.with_name("changed.tfrecord")
    path.write_bytes(data)
    return list(tfrecord.read(path))


def record_at(position):
    return max(n for n, start in enumerate(STARTS) if start <= position)


def test_a_sound_file_is_read_whole(whole):
    assert [entry.data for entry in tfrecord.read(whole)] == RECORDS
    assert len(whole.read_bytes()) == STARTS[-1]


def test_the_checksum_is_that_of_the_format(whole):
    data = whole.read_bytes()
    (length,) = struct.unpack("<I", data[8:12])
    (content,) = struct.unpack("<I", data[12 + 20 : 16 + 20])
    assert tfrecord.masked_crc(data[:8]) == length
    assert tfrecord.masked_crc(RECORDS[0]) == content


def test_every_changed_byte_is_found_in_its_record(whole):
    sound = whole.read_bytes()
    for position in range(len(sound)):
        data = bytearray(sound)
        data[position] ^= (0x01, 0x80, 0xFF)[position % 3]
        entries = read(whole, data)
        bad = record_at(position)
        assert [entry.number for entry in entries if entry.problem] == [bad]
        found = {entry.number: entry.data for entry in entries if not entry.problem}
        in_length = position - STARTS[bad] < 12
        others = range(bad) if in_length else [n for n in range(len(RECORDS)) if n != bad]
        assert found == {n: RECORDS[n] for n in others}


def test_every_cut_is_found_unless_it_falls_between_records(whole):
    for length in range(STARTS[-1]):
        entries = read(whole, whole.read_bytes()[:length])
        last = record_at(length)
        assert [entry.data for entry in entries][:last] == RECORDS[:last]
        if length == STARTS[last]:  # the manifest's count finds this one
            assert len(entries) == last
        else:
            assert len(entries) == last + 1 and "cut off" in entries[last].problem
