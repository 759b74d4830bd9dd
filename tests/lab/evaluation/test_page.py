"""Pages and plots of a report whose rows are known."""

import torch

from vasa_core.lab.evaluation.measures import Row, summaries
from vasa_core.lab.evaluation.page import distinct
from vasa_core.lab.evaluation.plots import Curve, bars, colour, curves, save_plot
from vasa_core.lab.evaluation.report import Report, Strip, write_report

ROWS = [
    Row("sync", "one", "model", "a", 0.4),
    Row("sync", "one", "model", "b", 0.6),
    Row("sync", "one", "real", "a", 0.2),
    Row("sync", "<two>", "model", "c", 0.3),
]


def test_a_report_is_escaped_and_refers_to_what_lies_beside_it(tmp_path):
    frames = torch.rand(4, 3, 30, 20)
    report = Report({"model": "<b>mine</b>"}, ROWS)
    report.strips.append(Strip("a #1", 'says "hi" & goes', frames))
    report.curves.append(Curve("by shift", "frames", [-1, 0, 1], {"model": [0.1, 0.4, 0.2]}))
    page = write_report(report, tmp_path).read_text()
    assert "<b>" not in page and "&lt;b&gt;mine" in page and "&lt;two&gt;" in page
    assert "a%20%231.jpg" in page and (tmp_path / "a #1.jpg").is_file()
    assert "says &#34;hi&#34; &amp; goes" in page
    for plot in ("curve_0", "sync"):
        assert f"plots/{plot}.svg" in page and (tmp_path / f"plots/{plot}.svg").is_file()
    assert "0.433" in page and "\u2191 more" in page


def test_bars_are_the_means_with_their_spread_in_the_subjects_colours():
    found = summaries(ROWS)
    (axes,) = bars("sync", found).axes
    assert [round(bar.get_width(), 3) for bar in axes.patches] == [round(s.mean, 3) for s in found]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["all", "", "one", "", "<two>"]
    shades = {s.subject: bar.get_facecolor() for s, bar in zip(found, axes.patches, strict=True)}
    assert shades["model"] != shades["real"] and colour("model") == colour("model", 3)


def test_the_same_figures_make_the_same_file(tmp_path):
    curve = Curve("by shift", "frames", [0, 1], {"model": [0.1, 0.2], "real": [0.3, 0.1]})
    files = [tmp_path / name / save_plot(curves(curve), tmp_path / name, "c") for name in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_names_of_files_stay_apart():
    assert distinct(["p", "P", "p_2", "q", "p"]) == ["p", "P_2", "p_2_2", "q", "p_3"]
