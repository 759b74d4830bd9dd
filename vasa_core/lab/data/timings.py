"""Reads when words and phones are spoken from the label files that corpora come with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise

from ...errors import InputError

Span = tuple[float, float, str]  # start and end in seconds, label
GRID_UNITS = 25000  # of GRID's word times, a second
HTS_UNITS = 10_000_000  # of HTS labels, a second: 100 ns each


def read_timings(path: str, text: str) -> list[Span]:
    """The words (GRID) or phones (all others) of a label file, whose ending says what it is."""
    for ending, read in FORMATS.items():
        if path.endswith(ending):
            return read(text)
    raise InputError(f"no reader for the labels of {path}")


def _grid(text: str) -> list[Span]:
    """GRID's ``.align``: start, end, word."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return [(int(a) / GRID_UNITS, int(b) / GRID_UNITS, word) for a, b, word in lines]


def _emodb(text: str) -> list[Span]:
    """Emo-DB's ``.lablaut`` (xlabel): after a line with #, start, colour, phone, tab, notes.

    A line without a phone only adds notes to the phone before it.
    """
    rows = re.findall(r"^ *([\d.]+) +-?\d+[ \t]([^\t\r\n]+)", text.partition("#")[2], re.MULTILINE)
    return [
        (float(start), float(end), label.strip())
        for (start, label), (end, _) in pairwise(rows)
        if float(end) > float(start)
    ]


def _emu(text: str) -> list[Span]:
    """EMU's ``_annot.json``: the segments of its level Phonetic, in samples."""
    content = json.loads(text)
    rate = content["sampleRate"]
    level = next(level for level in content["levels"] if level["name"] == "Phonetic")
    return [
        (
            item["sampleStart"] / rate,
            (item["sampleStart"] + item["sampleDur"] + 1) / rate,
            item["labels"][0]["value"],
        )
        for item in level["items"]
    ]


def _pocketsphinx(text: str) -> list[Span]:
    """PocketSphinx's ``.phone.json``: words, each with its phones: begin and duration."""
    phones = [phone for word in json.loads(text)["w"] for phone in word["w"]]
    return [(p["b"], round(p["b"] + p["d"], 3), p["t"]) for p in phones]


def _hts(text: str) -> list[Span]:
    """HTS full-context labels: start, end, and the phone between - and +."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return [
        (int(a) / HTS_UNITS, int(b) / HTS_UNITS, context.partition("-")[2].partition("+")[0])
        for a, b, context in rows
    ]


FORMATS: dict[str, Callable[[str], list[Span]]] = {
    ".align": _grid,
    ".lablaut": _emodb,
    "_annot.json": _emu,
    ".phone.json": _pocketsphinx,
    "_phone.lab": _hts,
}
