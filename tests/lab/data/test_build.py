"""A corpus built from a manifest: from checkouts made here of the shipped media."""

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from hashlib import sha256

import av
import numpy as np
import pytest
from PIL import Image

from vasa_core.assets import PORTRAITS, SPEECH
from vasa_core.audio.reader import read_audio
from vasa_core.errors import InputError
from vasa_core.lab.data.build import build, main
from vasa_core.lab.data.cut import cut_picture
from vasa_core.lab.data.fetch import Repository, downloaded, local
from vasa_core.lab.data.index import read_index, read_sources
from vasa_core.lab.data.manifest import (
    FOLDERS,
    from_index,
    pcm_hash,
    read_manifest,
    write_manifest,
)
from vasa_core.lab.data.teacher import Own
from vasa_core.lab.data.tracks import read_track

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="building a corpus needs git")

BOX = (40, 24, 256)  # where the face is in the video of the fixture: left, top, side
SOURCE_FPS, SECONDS = 30, 2
PHONES = {"w": [{"w": [{"b": 0.1, "d": 0.2, "t": "AE"}, {"b": 0.3, "d": 5.0, "t": "M"}]}]}


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def repository(sources, name, files):
    """A git repository of some files; its commit."""
    folder = sources / name.replace("/", "+")
    folder.mkdir(parents=True)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    git(folder, "init", "-q")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "files")
    return git(folder, "rev-parse", "HEAD")


def portrait(size=256):
    return Image.open(PORTRAITS["mira"]).convert("RGB").resize((size, size))


def video(tmp_path):
    """A portrait in a wider picture at 30 frames a second; a bar says how many frames are over."""
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=SOURCE_FPS, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        sound = container.add_stream("aac", rate=16000, layout="mono")
        for number in range(SOURCE_FPS * SECONDS):
            picture = Image.new("RGB", (360, 288), "grey")
            picture.paste(portrait(), BOX[:2])
            picture.paste("white", (BOX[0], BOX[1], BOX[0] + 4 * (number + 1), BOX[1] + 16))
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = number, Fraction(1, SOURCE_FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        samples = speech()[None, : 16000 * SECONDS].astype(np.float32) / 2**15
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
        for packet in (*sound.encode(frame), *sound.encode(None)):
            container.mux(packet)
    return path.read_bytes()


def speech():
    return (read_audio(SPEECH)[0] * 2**15).numpy().astype(np.int16)


@pytest.fixture
def sources(tmp_path):
    """Checkouts of three repositories, and a manifest of what is taken from them."""
    checkouts, manifests = tmp_path / "checkouts", tmp_path / "manifests"
    film = video(tmp_path)
    commits = {
        "ana/films": repository(
            checkouts, "ana/films", {"a film.mp4": film, "words/film.align": b"0 12500 sil\n"}
        ),
        "ben/sounds": repository(
            checkouts, "ben/sounds",
            {"deep/talk.flac": SPEECH.read_bytes(), "deep/talk.phone.json": text(PHONES).encode()},
        ),
        "cleo/pictures": repository(
            checkouts, "cleo/pictures", {"mira.jpg": PORTRAITS["mira"].read_bytes()}
        ),
    }  # fmt: skip
    samples = speech()
    cut = {"path": "deep/talk.flac", "from": "ben/sounds", "samples": 32000}
    entries = {
        "portraits": [
            {"file": "mira.jpg", "path": "mira.jpg", "kind": "drawing", "note": "original bytes",
             "from": "cleo/pictures", "sha256": sha256(PORTRAITS["mira"].read_bytes()).hexdigest()},
            {"file": "small.jpg", "path": "mira.jpg", "width": 96, "height": 96,
             "from": "cleo/pictures"},
        ],
        "speech": [
            {"file": "talk.flac", "lang": "en", "seconds": 2.0, **cut,
             "pcm": pcm_hash(samples[:32000])},
            {"file": "calm.flac", "licence": "CC0", "samples": 40000,
             "made": {"join": [0.5, ["talk.flac", 0.5, 1.5], 1]}},
        ],
        "voices": [
            {"file": "late.flac", "source": "ben", "transcript": "hello", "trim_start_s": 0.25,
             "alignment": "alignments/late.json", "labels": "deep/talk.phone.json", **cut,
             "pcm": pcm_hash(samples[4000:36000])},
        ],
        "talking": [
            {"file": "talking/film.mp4", "landmarks": "landmarks/talking/film.npz",
             "path": "a film.mp4", "crop_xy_side": BOX, "size": 128, "frames": 45,
             "labels": "words/film.align", "sync_grade": "B", "from": "ana/films"},
        ],
        "talking2": [
            {"id": "film_1", "path": "a film.mp4", "blob": git_hash(film), "start": 0.8,
             "end": 1.6, "crop_xy_side": BOX, "frames": 20, "group": "g1", "from": "ana/films"},
        ],
        "faces": [
            {"file": "train/f0.jpg", "path": "mira.jpg", "crop_xy_side": [60, 40, 500],
             "from": "cleo/pictures"},
            {"file": "negatives/n0.jpg"},
        ],
    }  # fmt: skip
    for folder, rows in entries.items():
        table = {
            name: {"repo": name, "commit": commit, "licence": "CC BY 4.0"}
            | ({"kind": "generated"} if folder == "faces" else {})
            for name, commit in commits.items()
            if any(row.get("from") == name for row in rows)
        }
        manifests.mkdir(exist_ok=True)
        (manifests / f"{folder}.json").write_text(text({"sources": table, "entries": rows}))
    return checkouts, manifests


def text(content):
    return json.dumps(content)


def git_hash(content):
    return subprocess.run(
        ["git", "hash-object", "--stdin"], input=content, check=True, capture_output=True
    ).stdout.decode().strip()  # fmt: skip


def frames_of(path):
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)], rate


def frames_over(pixels):
    """How many frames the white bar in a square of the fixture's video says are over."""
    bar = pixels[: max(2, len(pixels) // 40)].mean((0, 2)) > 230
    return round((bar.argmin() if not bar.all() else len(bar)) * BOX[2] / len(pixels) / 4)


def shown_at_25(count, start=Fraction(0)):
    """Of the fixture's frames, the last whose time rounds to each 25th of a second or before."""
    half = Fraction(1, 2)
    times = [(Fraction(n, SOURCE_FPS) - start) * 25 for n in range(SOURCE_FPS * SECONDS)]
    return [sum((time + half) // 1 <= k for time in times) - 1 for k in range(count)]


def everything_in(folder):
    return {p.relative_to(folder): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_a_corpus_is_built_as_the_manifest_says(sources, tmp_path):
    checkouts, manifests = sources
    out = tmp_path / "corpus"
    report = build(out, local(checkouts), FOLDERS, manifests)
    assert not report.failed and not report.other_samples
    assert report.unknown == {"faces": 1}  # the negative of which nobody knows the file
    assert (out / "portraits/mira.jpg").read_bytes() == PORTRAITS["mira"].read_bytes()
    assert Image.open(out / "portraits/small.jpg").size == (96, 96)

    sound, rate = read_audio(out / "voices/late.flac")
    assert rate == 16000
    assert np.array_equal((sound * 2**15).numpy().astype(np.int16), speech()[4000:36000])
    phones = json.loads((out / "voices/alignments/late.json").read_text())["phones"]
    assert phones == [  # in the time of the cut, and cut off with it
        {"start": -0.15, "end": 0.05, "label": "AE"},
        {"start": 0.05, "end": 2.0, "label": "M"},
    ]
    calm = (read_audio(out / "speech/calm.flac")[0] * 2**15).numpy().astype(np.int16)
    assert np.array_equal(calm[8000:24000], speech()[8000:24000])
    assert len(calm) == 40000 and not calm[:8000].any() and not calm[24000:].any()

    crop = Image.open(out / "faces/train/f0.jpg").convert("L")
    asked = cut_picture(Image.open(PORTRAITS["mira"]), (60, 40, 500), 256).convert("L")
    assert np.abs(np.asarray(crop, float) - np.asarray(asked, float)).mean() < 3
    assert not list(out.rglob("*partial*"))


def test_videos_are_cut_in_place_and_time(sources, tmp_path):
    checkouts, manifests = sources
    out = tmp_path / "corpus"
    build(out, local(checkouts), ["talking", "talking2"], manifests)
    frames, rate = frames_of(out / "talking/film.mp4")
    assert rate == 25 and len(frames) == 45 and frames[0].shape == (128, 128, 3)
    face = np.asarray(portrait(128), float)[16:]
    assert np.abs(frames[7][16:] - face).mean() < 4
    assert [frames_over(f) - 1 for f in frames] == shown_at_25(45)
    cut, _ = frames_of(out / "talking2/video/film_1.mp4")
    assert [frames_over(f) - 1 for f in cut] == shown_at_25(20, Fraction(4, 5))
    for file, start in (("talking/film.mp4", 0), ("talking2/sound/film_1.ogg", 12800)):
        sound, rate = read_audio(out / file)
        sound = sound[:: rate // 16000].numpy()[1600:12800]
        match = np.correlate(speech()[start : start + 16000] / 2**15, sound)
        assert abs(match.argmax() - 1600) < 12  # samples: less than a millisecond


def test_the_index_says_where_files_come_from_in_the_schema(sources, tmp_path):
    checkouts, manifests = sources
    out = tmp_path / "corpus"
    build(out, local(checkouts), FOLDERS, manifests)
    row = json.loads((out / "voices/INDEX.json").read_text())[0]
    assert row["repo"] == "ben/sounds" and row["licence"] == "CC BY 4.0"
    assert row["commit"] == git(checkouts / "ben+sounds", "rev-parse", "HEAD")
    assert row["path"] == "deep/talk.flac" and row["trim_start_s"] == 0.25
    (voice,) = read_index(out, "voices")
    assert voice.alignment.is_file() and voice.transcript == "hello" and voice.source == "ben"
    (clip,) = read_index(out, "talking")
    assert clip.file.is_file() and clip.sync_grade == "B"
    words = json.loads((out / "talking/grid_s1_alignments.json").read_text())
    assert words == {"film": [[0.0, 0.5, "sil"]]}
    assert [entry.name for entry in read_index(out, "speech")] == ["talk", "calm"]
    assert read_sources(out).keys() == {"cleo+pictures"}


def test_a_built_corpus_gives_its_manifest_again(sources, tmp_path):
    checkouts, manifests = sources
    out = tmp_path / "corpus"
    build(out, local(checkouts), FOLDERS, manifests)
    for folder in ("portraits", "voices", "talking"):
        before, again = read_manifest(folder, manifests), from_index(out, folder)
        assert again.sources == before.sources
        for old, new in zip(before.entries, again.entries, strict=True):
            unsaid = ("labels", "alignment")  # known for the founders' sources only
            assert {k: v for k, v in new.items() if k not in unsaid} == json.loads(
                text({k: v for k, v in old.items() if k not in unsaid})
            )
        write_manifest(again, tmp_path / "again")
        assert read_manifest(folder, tmp_path / "again") == again


def test_a_second_run_opens_no_source_and_touches_nothing(sources, tmp_path):
    checkouts, manifests = sources
    out = tmp_path / "corpus"
    build(out, local(checkouts), FOLDERS, manifests)
    before = everything_in(out)

    def closed(repository, paths):
        raise AssertionError(f"{repository} was opened for {paths}")

    report = build(out, closed, FOLDERS, manifests)
    assert not report.made and sum(report.kept.values()) == 8 and everything_in(out) == before


def test_other_bytes_than_recorded_are_refused(sources, tmp_path):
    checkouts, manifests = sources
    change(manifests / "portraits.json", 0, sha256="0" * 64)
    change(manifests / "talking2.json", 0, blob="0" * 40)
    out = tmp_path / "corpus"
    report = build(out, local(checkouts), ["portraits", "talking2"], manifests)
    lines = [line for line in report.lines() if line.startswith("NOT BUILT")]
    assert len(lines) == 2
    assert "portraits: 1 file of cleo/pictures@" in lines[0] and "sha256" in lines[0]
    assert "talking2: 1 file of ana/films@" in lines[1] and "git blob" in lines[1]
    assert [path.name for path in (out / "portraits").iterdir()] != []
    assert not (out / "portraits/mira.jpg").exists() and not (out / "talking2").exists()


def test_sound_with_other_samples_is_kept_and_counted(sources, tmp_path):
    checkouts, manifests = sources
    change(manifests / "speech.json", 0, pcm="0" * 16)
    report = build(tmp_path / "corpus", local(checkouts), ["speech"], manifests)
    assert report.other_samples == {"speech": 1} and not report.failed
    assert "1 with other samples" in report.lines()[0]


def test_a_missing_source_is_one_line_and_stops_nothing(sources, tmp_path):
    checkouts, manifests = sources
    gone = checkouts / "gone"
    (checkouts / "cleo+pictures").rename(gone)
    out = tmp_path / "corpus"
    report = build(out, local(checkouts), ["portraits", "voices"], manifests)
    (line,) = [line for line in report.lines() if line.startswith("NOT BUILT")]
    assert "2 files of cleo/pictures@" in line and "no checkout" in line
    assert (out / "voices/late.flac").is_file() and not (out / "portraits").exists()
    gone.rename(checkouts / "cleo+pictures")
    report = build(out, local(checkouts), ["portraits", "voices"], manifests)
    assert report.made == {"portraits": 2} and report.kept == {"voices": 1}


def test_a_folder_without_a_manifest_is_one_sentence_and_stops_nothing(sources, tmp_path):
    checkouts, manifests = sources
    (manifests / "faces.json").unlink()
    report = build(tmp_path / "corpus", local(checkouts), FOLDERS, manifests)
    assert [line for line in report.lines() if "faces" in line] == [
        "NOT BUILT, faces: There is no manifest for the folder faces: faces.json is missing."
    ]
    assert sum(report.made.values()) == 7 and not report.failed


def test_what_cannot_be_cut_leaves_nothing_half_written(sources, tmp_path):
    checkouts, manifests = sources
    change(manifests / "talking.json", 0, frames=120)
    change(manifests / "voices.json", 0, samples=10**7)
    change(manifests / "portraits.json", 1, path="nothing.jpg")
    out = tmp_path / "corpus"
    report = build(out, local(checkouts), ["talking", "voices", "portraits"], manifests)
    reasons = [reason for (reason,) in report.failed.values()]
    assert "ends after 50 of 120 frames" in reasons[0]
    assert "of 10000000 samples" in reasons[1] and "nothing.jpg is not in" in reasons[2]
    assert {path.name for path in everything_in(out)} == {"mira.jpg", "INDEX.json"}


def test_a_commit_is_downloaded_with_the_wanted_files_only(sources, tmp_path):
    checkouts, _ = sources
    for folder in list(checkouts.iterdir()):
        owner, name = folder.name.split("+")
        (checkouts / owner).mkdir()
        folder.rename(checkouts / owner / name)
    commit = git(checkouts / "ben/sounds", "rev-parse", "HEAD")
    opener = downloaded(checkouts.as_uri())
    with opener(Repository("ben/sounds", commit, ""), ["deep/talk.flac", "none.wav"]) as read:
        assert read("deep/talk.flac") == SPEECH.read_bytes()
        for path in ("none.wav", "deep/talk.phone.json"):  # the second is there, but not wanted
            with pytest.raises(InputError, match="not in that commit"):
                read(path)
    for repo, at in (("ben/nothing", commit), ("ben/sounds", "0" * 40)):
        with pytest.raises(InputError), opener(Repository(repo, at, ""), ["a"]):
            pass


def test_landmarks_of_our_own_are_written_as_the_corpus_reads_them(sources, tmp_path):
    checkouts, manifests = sources
    change(manifests / "talking.json", 0, frames=4)
    change(manifests / "talking2.json", 0, frames=3)
    out = tmp_path / "corpus"
    report = build(out, local(checkouts), FOLDERS, manifests, Own())
    assert not report.failed
    own = Own()
    for folder, length, side in (("talking", 4, 128), ("talking2", 3, 256)):
        (entry,) = read_index(out, folder)
        video = out / "talking2/video/film_1.mp4" if folder == "talking2" else entry.file
        points, found = read_track(entry)
        seen, _ = own.track(frames_of(video)[0])
        assert points.shape == (length, 478, 3) and found.all()
        assert np.abs(points - seen * side).max() <= side / 8192 + 1e-3
    with np.load(out / "landmarks/portraits/mira.npz") as still:
        assert still["ok"] and still["landmarks"].shape == (1, 478, 3)
    with np.load(out / "faces/landmarks.npz") as labels:
        assert labels["names"].tolist() == ["f0.jpg"]
        eyes = labels["xyz"][0, [33, 263], :2].astype(float)
        face = own.picture(np.asarray(Image.open(out / "faces/train/f0.jpg")))
        assert np.abs(eyes - face[[33, 263], :2]).max() < 0.01
    before = everything_in(out)
    build(out, local(checkouts), FOLDERS, manifests, own)
    assert everything_in(out) == before


def test_the_teacher_is_named_when_it_is_not_installed(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), "--landmarks", "mediapipe"])
    assert "pip install mediapipe==0.10.14" in capsys.readouterr().err


def change(manifest, number, **fields):
    content = json.loads(manifest.read_text())
    content["entries"][number] |= fields
    manifest.write_text(text(content))
