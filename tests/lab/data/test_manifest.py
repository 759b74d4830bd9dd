"""The shipped manifests, and the label files whose phone times a build takes over."""

import json

import pytest

from vasa_core.lab.data.annotate import annotated
from vasa_core.lab.data.build import index_rows
from vasa_core.lab.data.index import read_index, read_sources
from vasa_core.lab.data.manifest import NOT_FREE, SHIPPED, read_manifest
from vasa_core.lab.data.timings import read_timings


@pytest.mark.parametrize(
    ("path", "content", "spans"),
    [
        ("a.align", "0 12500 sil\n12500 25000 bin\n", [(0, 0.5, "sil"), (0.5, 1, "bin")]),
        (
            "a.lablaut",  # a line without a phone adds notes to the one before it
            "nfields 1\n#\n 0.10  -1 a\t+x\n 0.20  -1 \t+sth\n 0.30  -1 n\n 0.4  -1 .\n",
            [(0.1, 0.3, "a"), (0.3, 0.4, "n")],
        ),
        (
            "a_annot.json",
            json.dumps(
                {
                    "sampleRate": 1000,
                    "levels": [
                        {
                            "name": "Phonetic",
                            "items": [
                                {"sampleStart": 100, "sampleDur": 49, "labels": [{"value": "V"}]}
                            ],
                        }
                    ],
                }
            ),
            [(0.1, 0.15, "V")],
        ),
        (
            "a.phone.json",
            json.dumps({"w": [{"w": [{"b": 0.5, "d": 0.1, "t": "AE"}]}]}),
            [(0.5, 0.6, "AE")],
        ),
        ("a_phone.lab", "1300000 2050000 x^sil-hh+iy=t@1/A:0-1+2\n", [(0.13, 0.205, "hh")]),
    ],
)
def test_label_files_are_read(path, content, spans):
    assert read_timings(path, content) == spans


@pytest.mark.parametrize("folder", sorted(path.stem for path in SHIPPED.glob("*.json")))
def test_the_shipped_manifest_is_whole_and_its_index_fits_the_schema(folder, tmp_path):
    manifest = read_manifest(folder)
    assert manifest.entries
    for source in manifest.sources.values():
        assert len(source.commit) == 40 and source.name.count("/") == 1 and source.licence
    for entry in manifest.entries:
        assert entry.get("from") in manifest.sources or "made" in entry or "path" not in entry
        if "transcript" in entry:
            assert not NOT_FREE.search(manifest.row(entry)["licence"])
    rows = index_rows(manifest)
    path = tmp_path / folder / "INDEX.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"sources" if folder == "faces" else "clips": rows}))
    # annotations that hold for the founders' index find nothing more to say of this one
    again = [{k: v for k, v in row.items() if v != {}} for row in annotated(rows, path.parent)]
    assert again == [{k: v for k, v in row.items() if v != {}} for row in rows]
    known = read_sources(tmp_path) if folder == "faces" else read_index(tmp_path, folder)
    assert len(known) == len(rows)
