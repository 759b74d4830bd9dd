"""The schema of an INDEX.json: its defaults, what annotations add, and what it refuses."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

import vasa_core
from vasa_core.errors import InputError
from vasa_core.lab.data.index import TASKS, Entry, Source, read_index, read_sources

DOCS = Path(vasa_core.__file__).parents[1] / "docs/corpus.md"


def corpus(tmp_path, folder, content, annotations=None):
    """A corpus with one folder."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "INDEX.json").write_text(json.dumps(content))
    if annotations is not None:
        (tmp_path / folder / "ANNOTATIONS.json").write_text(json.dumps(annotations))
    return tmp_path


def test_a_file_alone_is_a_person_of_its_own_in_step_and_for_the_test(tmp_path):
    data = corpus(tmp_path, "talking", [{"file": "one.mp4", "sync_corr0": 0.4}])
    (entry,) = read_index(data, "talking")
    assert entry.name == entry.person == "one" and entry.group == "talking"
    assert entry.landmarks == data / "landmarks/talking/one.npz"
    assert {entry.split_for(task) for task in TASKS} == {"test"}
    assert entry.in_step and entry.lag_frames == 0 and entry.trainable


def test_files_lie_beside_the_index_or_in_the_corpus(tmp_path):
    data = corpus(tmp_path, "speech", [{"file": "a.wav", "lang": "pl"}, {"file": "speech/b.wav"}])
    (data / "speech/a.wav").touch()
    one, other = read_index(data, "speech")
    assert one.file == data / "speech/a.wav" and other.file == data / "speech/b.wav"
    assert one.group == "pl" and other.group == "speech"


def test_a_split_may_differ_by_task(tmp_path):
    split = {"motion": "train", "*": "held_out"}
    data = corpus(tmp_path, "talking", {"clips": [{"file": "a.mp4", "split": split}]})
    (entry,) = read_index(data, "talking")
    assert entry.split_for("motion") == "train" and entry.split_for("refiner") == "held_out"


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC BY 4.0", True),
        ("none stated", True),
        ("CC BY-NC 4.0", False),
        ("CC BY-NC-ND 4.0", False),
        ("CC BY-ND 4.0", False),
        ("clips: research only", False),
        ("License for non-commercial scientific research", False),
        ("Nvidia, Ndebele, once", True),
        ("CC BY NonCommercial", False),
        ("CC BY Non Commercial 4.0", False),
        ("CC_BY_NC_4.0", False),
        ("no derivatives", False),
        ("CC BY NoDerivatives 4.0", False),
        ("CC BY-NoDerivs 3.0", False),
        ("For research purposes only", False),
        ("research purposes", False),
        ("for research use only", False),
        ("not for commercial use", False),
        ("CC BY-SA 4.0", True),
        ("MIT", True),
        ("Apache-2.0", True),
        ("free for research and commercial use", True),
    ],
)
def test_a_licence_that_forbids_it_keeps_numbers_out_of_weights(tmp_path, licence, free):
    rows = [{"file": "a.mp4", "licence": licence}]
    rows.append(rows[0] | {"trainable": not free})
    stated, overruled = read_index(corpus(tmp_path, "talking", rows), "talking")
    assert stated.trainable == free and overruled.trainable != free


def test_annotations_beside_the_index_win_and_later_rules_over_earlier_ones(tmp_path):
    rows = [{"file": name, "late": 2, "group": "x", "split": "test"} for name in ("ab", "ac", "b")]
    notes = {
        "rename": {"late": "lag_frames"},
        "rules": [
            {"where": {"file": "a*"}, "set": {"group": "a", "split": {"motion": "train"}}},
            {"where": {"file": ["ac", "c"], "group": "a"}, "set": {"lag_frames": 0}},
            {"where": {"nothing": "*"}, "set": {"group": "never"}},
        ],
    }
    ab, ac, b = read_index(corpus(tmp_path, "talking", rows, notes), "talking")
    assert [e.group for e in (ab, ac, b)] == ["a", "a", "x"]
    assert [e.lag_frames for e in (ab, ac, b)] == [2, 0, 2]
    assert [e.split_for("motion") for e in (ab, ac, b)] == ["train", "train", "test"]
    assert ab.split_for("face") == "test"


def test_shipped_annotations_leave_other_corpora_alone(tmp_path):
    """Even where a file is called like one of the corpus that they are of."""
    data = corpus(tmp_path, "talking", [{"file": "talking/hdtf_aoc.mp4", "repo": "mine"}])
    (entry,) = read_index(data, "talking")
    assert entry.person == "hdtf_aoc" and entry.lag_frames == 0


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("split", "validation", "held_out"),
        ("split", {"dancing": "train"}, "articulation"),
        ("split", {"motion": 5}, "held_out"),
        ("sync_grade", "D", "'A', 'B', 'C'"),
        ("head", "nodding", "still"),
        ("phones", "ipa", "arpabet"),
    ],
)
def test_what_the_schema_does_not_know_is_refused(tmp_path, field, value, said):
    data = corpus(tmp_path, "talking", [{"file": "odd.mp4", field: value}])
    with pytest.raises(InputError, match=said) as error:
        read_index(data, "talking")
    assert "odd.mp4" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("file", 5, "a path in quotes"),
        ("landmarks", ["a.npz"], "a path in quotes"),
        ("seconds", "long", "a number"),
        ("seconds", float("nan"), "a number"),
        ("seconds", float("inf"), "a number"),
        ("seconds", True, "a number"),
        ("seconds", -3, "below 0"),
        ("face_width", "big", "a number"),
        ("lag_frames", "2", "a whole number"),
        ("lag_frames", 1.5, "a whole number"),
        ("faces", "one", "a whole number"),
        ("faces", True, "a whole number"),
        ("licence", 5, "a text"),
        ("lang", 7, "a text"),
        ("sync_grade", 1, "a text"),
        ("trainable", "no", "true or false"),
        ("trainable", 0, "true or false"),
        ("bad_input", "false", "true or false"),
        ("pauses", "yes", "true or false"),
        ("split", 5, "held_out"),
        ("split", ["train"], "held_out"),
    ],
)
def test_a_field_of_another_type_is_refused_in_one_sentence(tmp_path, name, value, needed):
    data = corpus(tmp_path, "talking", [{"file": "a.mp4"}, {"file": "odd.mp4", name: value}])
    with pytest.raises(InputError, match=needed) as error:
        read_index(data, "talking")
    said = str(error.value)
    assert f"Entry 2 of {data}/talking/INDEX.json" in said and name in said
    assert str(value) in said and "\n" not in said


@pytest.mark.parametrize("text", ["", "{", "{}", '"x"', "5", "[5]", '{"clips": 5}', "[[]]", "null"])
@pytest.mark.parametrize("folder", ["talking", "faces"])
def test_an_index_that_is_no_list_of_entries_is_refused(tmp_path, folder, text):
    path = corpus(tmp_path, folder, []) / folder / "INDEX.json"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(str(path))):
        read_sources(tmp_path) if folder == "faces" else read_index(tmp_path, folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "has to be an object"),
        ('{"rename": {"a": 5}}', "rename"),
        ('{"rules": {}}', "rules"),
        ('{"rules": [5]}', "rule 1"),
        ('{"rules": [{"where": {"file": 5}, "set": {}}]}', "where of rule 1"),
        ('{"rules": [{"where": {"file": [5]}, "set": {}}]}', "where of rule 1"),
        ('{"rules": [{"where": {"file": "*"}}]}', "set of rule 1"),
        ('{"rules": [{"set": {"split": 5}}]}', "split is 5"),
        ('{"rules": [{"set": {"pauses": "yes"}}]}', "pauses is 'yes'"),
        ('{"rules": [{"set": {"file": ""}}]}', "has no file"),
    ],
)
def test_annotations_that_cannot_be_read_are_refused(tmp_path, text, said):
    data = corpus(tmp_path, "talking", [{"file": "a.mp4"}])
    (data / "talking/ANNOTATIONS.json").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_index(data, "talking")
    assert "ANNOTATIONS.json" in str(error.value)


def test_a_file_needs_a_name_and_is_no_folder(tmp_path):
    data = corpus(tmp_path, "talking", [{"file": ""}])
    with pytest.raises(InputError, match="Entry 1 .* has no file"):
        read_index(data, "talking")
    (data / "talking/INDEX.json").write_text('[{"file": "clips"}]')
    (data / "talking/clips").mkdir()
    with pytest.raises(InputError, match="is the folder .*talking/clips; name a file"):
        read_index(data, "talking")


def test_a_field_may_be_renamed_to_split(tmp_path):
    notes = {"rename": {"part": "split"}}
    data = corpus(tmp_path, "talking", [{"file": "a.mp4", "part": "train"}], notes)
    assert read_index(data, "talking")[0].split_for("face") == "train"


def test_an_index_that_is_missing_or_names_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="talking/INDEX.json"):
        read_index(tmp_path, "talking")
    with pytest.raises(InputError, match="no file"):
        read_index(corpus(tmp_path, "talking", [{"path": "x"}]), "talking")


def test_annotations_of_another_shape_are_refused(tmp_path):
    data = corpus(tmp_path, "talking", [{"file": "a"}], {"rules": [{"when": {}, "set": {}}]})
    with pytest.raises(InputError, match="when"):
        read_index(data, "talking")


def test_sources_of_faces_are_named_as_their_labels_are(tmp_path):
    sources = [{"repo": "me/faces", "kind": "generated", "split": "train"}, {"repo": "you/nc"}]
    sources[1]["licence"] = "CC BY-NC 4.0"
    found = read_sources(corpus(tmp_path, "faces", {"sources": sources}))
    assert found["me+faces"] == Source(repo="me/faces", kind="generated", split={"*": "train"})
    assert found["you+nc"].split_for("face") == "test" and not found["you+nc"].trainable


def test_the_documentation_names_every_field_and_task():
    named = set(re.findall(r"`([a-z_]+)`", DOCS.read_text()))
    assert {f.name for f in fields(Entry)} <= named
    assert set(TASKS) <= named
