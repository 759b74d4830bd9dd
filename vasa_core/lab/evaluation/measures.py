"""What ``vasa evaluate`` measures: the names, units and aims of every figure, and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import isnan
from statistics import fmean, pstdev


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: what it is called, its unit, and which way is better.

    better  "more", "less", or "real": as near to what real people do as can be
    """

    title: str
    unit: str
    better: str


MEASURES = {
    "opening": Measure("lip opening against the real lips", "r", "more"),
    "width": Measure("lip width against the real lips", "r", "more"),
    "lag": Measure("lips after the sound's real lips", "frames", "real"),
    "on_time": Measure("clips whose lag is within one frame", "share", "more"),
    "gain": Measure("spread of the lip opening against the real one", "ratio", "real"),
    "closed": Measure("lips closed on p, b, m", "share", "more"),
    "closed_others": Measure("lips as closed on t, d, n, k, g, s, l", "share", "less"),
    "rest_gap": Measure("lip gap when nobody speaks, 95th percentile", "% eye distance", "less"),
    "sync": Measure("sync confidence", "cosine", "more"),
    "sync_offset": Measure("sync offset, size of", "frames", "less"),
    "alignment": Measure("head and sound in step", "cosine", "more"),
    "pose_variation": Measure("pose variation intensity", "degrees/frame", "real"),
    "pose_spread": Measure("pose spread", "degrees", "real"),
    "acceleration": Measure("acceleration energy of the pose", "degrees²/frame⁴", "real"),
    "blink_rate": Measure("blinks", "per minute", "real"),
    "blink_length": Measure("length of a blink", "ms", "real"),
    "drift": Measure("drift over ten minutes, of the mean, in spreads", "", "less"),
    "gaze_error": Measure("gaze against what was asked", "degrees", "less"),
    "distance_error": Measure("distance against what was asked", "%", "less"),
    "psnr": Measure("self-reenactment PSNR, face box", "dB", "more"),
    "ssim": Measure("self-reenactment SSIM, face box", "", "more"),
    "l1": Measure("self-reenactment L1, face box", "of white", "less"),
    "mouth_l1": Measure("self-reenactment L1, mouth box", "of white", "less"),
    "landmarks": Measure("self-reenactment landmark error", "% eye distance", "less"),
    "lip_landmarks": Measure("the same of the lips", "% eye distance", "less"),
    "identity_drift": Measure("identity drift", "% eye distance", "less"),
    "flicker": Measure("temporal flicker on slow motion", "of 255", "less"),
    "time": Measure("run time", "ms/frame", "less"),
}


APART = ("rest_gap", "time")  # measures whose groups do not add up


@dataclass(frozen=True, slots=True)
class Row:
    """One value: of which measure, in which group, of whom, from which item.

    subject  "model", or what it is compared with: "real", "still", "shuffled" (another sound)
    item     the clip, portrait or voice
    """

    measure: str
    group: str
    subject: str
    item: str
    value: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows of one measure, group and subject together: mean, standard deviation and their count."""

    measure: str
    group: str
    subject: str
    mean: float
    spread: float
    count: int


def summaries(rows: Iterable[Row]) -> list[Summary]:
    """Mean, spread and count, by measure, group and subject, in the order of ``MEASURES``.

    Items that were measured several times (with several seeds) count once, with their mean. A
    measure with several groups gets one, "all", over every item, unless they have nothing in common
    (``APART``).
    """
    items: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for row in rows:
        if isnan(row.value):
            continue
        for group in (row.group, "all"):
            key = (row.measure, group, row.subject)
            items.setdefault(key, {}).setdefault(f"{row.group}/{row.item}", []).append(row.value)
    groups = {key: {k[1] for k in items if k[0] == key} for key in MEASURES}
    order = list(MEASURES)
    found = []
    for (measure, group, subject), values in items.items():
        if group == "all" and (len(groups[measure]) == 2 or measure in APART):
            continue
        means = [fmean(v) for v in values.values()]
        found.append(Summary(measure, group, subject, fmean(means), pstdev(means), len(means)))
    places = {key: number for number, key in enumerate(dict.fromkeys(s.group for s in found))}
    return sorted(found, key=lambda s: (order.index(s.measure), s.group != "all", places[s.group]))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: the model's figures in one group, and what they compare with."""

    measure: Measure
    group: str
    model: Summary
    others: tuple[Summary, ...]

    @property
    def title(self) -> str:
        """The measure with its unit."""
        unit = self.measure.unit
        return f"{self.measure.title}, {unit}" if unit else self.measure.title

    @property
    def against(self) -> str:
        """The means of the others."""
        return ", ".join(f"{s.subject} {s.mean:.3f}" for s in self.others)


def lines(found: Iterable[Summary]) -> Iterator[Line]:
    """Summaries of the same measure and group together."""
    for (key, group), same in groupby(found, lambda s: (s.measure, s.group)):
        subjects = {s.subject: s for s in same}
        model = subjects.pop("model")
        yield Line(MEASURES[key], group, model, tuple(subjects.values()))


def table(rows: Iterable[Row]) -> str:
    """The summaries as lines of text."""
    text = [f"{'measure':60}{'group':22}{'mean':>9}{'spread':>9}{'n':>6}  {'better':8}against"]
    before = None
    for line in lines(summaries(rows)):
        first, before = line.measure is not before, line.measure
        title, better = (line.title, line.measure.better) if first else ("", "")
        s = line.model
        text.append(
            f"{title:60}{line.group:22}{s.mean:9.3f}{s.spread:9.3f}{s.count:6}  "
            f"{better:8}{line.against}".rstrip()
        )
    return "\n".join(text)
