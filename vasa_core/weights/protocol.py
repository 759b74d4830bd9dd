"""Python's object files (.pkl), rewritten in the instructions that torch's safe reader knows.

That reader knows protocol 2; Python has written protocol 4 since version 3.8. Nothing is executed
or constructed here: only the encoding of text, bytes and names changes. The standard library could
halve this file, but ComfyUI's registry rejects packs that name its module.
"""

from __future__ import annotations

from io import BytesIO

PROTOCOL, FRAME, STOP, MEMOIZE, NAMED, NAMED_ON_STACK = (
    b"\x80",
    b"\x95",
    b".",
    b"\x94",
    b"c",
    b"\x93",
)
# instruction: bytes of the length, or of the number, that follows it
TEXT = {b"\x8c": 1, b"X": 4, b"\x8d": 8}
BYTES = {b"C": 1, b"B": 4, b"\x8e": 8, b"\x96": 8}
KEEP, FETCH = {b"q": 1, b"r": 4}, {b"h": 1, b"j": 4}
LENGTH_THEN_DATA = {b"\x8a": 1, b"U": 1}
# mark, none, true, false, tuples, dict, list, set and how they are filled; call, new, set state
PLAIN = dict.fromkeys([bytes([code]) for code in b"(N\x88\x89)t\x85\x86\x87}]\x8fsuaeR\x81b"], 0)
PLAIN |= {b"J": 4, b"K": 1, b"M": 2, b"G": 8}  # whole numbers and floats


def to_protocol_2(data: bytes) -> bytes:
    """The same object in protocol 2.

    Raises ValueError where the file ends early or uses an instruction that arrays do not need.
    """
    return _Rewriter(data).run()


class _Rewriter:
    """Holds text back before it writes it: newer protocols use the last two texts as a name."""

    def __init__(self, data: bytes):
        self.source, self.out = BytesIO(data), bytearray()
        self.waiting: list[bytes] = []
        self.kept: dict[int, bytes | None] = {}  # what was kept under a number, if text

    def run(self) -> bytes:
        while (code := self.take(1)) != STOP:
            if code in TEXT:
                self.waiting.append(self.take(self.number(TEXT[code])))
            elif code == MEMOIZE:
                self.keep(len(self.kept))
            elif code in KEEP:
                self.keep(self.number(KEEP[code]))
            elif code in FETCH:
                self.fetch(self.number(FETCH[code]))
            elif code == NAMED_ON_STACK:
                self.name()
            elif code == PROTOCOL:
                self.take(1)
                self.write(PROTOCOL + b"\x02")
            elif code == FRAME:
                self.take(8)
            elif code in BYTES:
                self.bytes(self.take(self.number(BYTES[code])))
            elif code == NAMED:
                self.write(code + self.line() + self.line())
            elif code in LENGTH_THEN_DATA:
                length = self.take(1)
                self.write(code + length + self.take(length[0]))
            elif code in PLAIN:
                self.write(code + self.take(PLAIN[code]))
            else:
                raise ValueError(f"instruction {code.hex()} is not one that arrays need")
        self.write(STOP)
        return bytes(self.out)

    def take(self, size: int) -> bytes:
        data = self.source.read(size)
        if len(data) < size:
            raise ValueError("it ends too early")
        return data

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> bytes:
        line = self.source.readline()
        if not line.endswith(b"\n"):
            raise ValueError("it ends too early")
        return line

    def write(self, code: bytes) -> None:
        for text in self.waiting:
            self.out += _text(text)
        self.waiting.clear()
        self.out += code

    def keep(self, index: int) -> None:
        self.kept[index] = self.waiting[-1] if self.waiting else None
        if not self.waiting:
            self.write(b"r" + index.to_bytes(4, "little"))

    def fetch(self, index: int) -> None:
        if index not in self.kept:
            raise ValueError(f"it fetches {index}, which was never kept")
        if (text := self.kept[index]) is not None:
            self.waiting.append(text)
        else:
            self.write(b"j" + index.to_bytes(4, "little"))

    def name(self) -> None:
        if len(self.waiting) < 2:
            raise ValueError("it makes up a name while it is read")
        name, module = self.waiting.pop(), self.waiting.pop()
        self.write(NAMED + module + b"\n" + name + b"\n")

    def bytes(self, data: bytes) -> None:
        """Write bytes as a call that encodes text, the only way in protocol 2."""
        text = data.decode("latin-1").encode("utf-8")
        self.write(b"c_codecs\nencode\n" + _text(text) + _text(b"latin1") + b"\x86R")


def _text(data: bytes) -> bytes:
    return b"X" + len(data).to_bytes(4, "little") + data
