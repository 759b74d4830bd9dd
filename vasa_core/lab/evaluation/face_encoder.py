"""Measure the face encoder: ``python -m vasa_core.lab.evaluation.face_encoder``.

Validation (used for choosing): real faces whose pictures must not train, generated identities held
out, pictures without a face held out. Test (never used for choosing): the portraits, and the clips
that the index keeps for it. Errors are against the landmarks of the corpus (of a teacher, MediaPipe
FaceMesh), in percent of the distance of the outer eye corners, from boxes that the encoder finds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from pathlib import Path

import av
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ...errors import NoFaceError
from ...face import topology as mesh
from ...face.encoder import FaceEncoder
from ...face.storage import WEIGHTS
from ..data.faces import load_faces, read_frames
from ..data.index import read_index
from ..data.tracks import read_track

GROUPS = {
    "all": list(range(mesh.VERTICES)),
    "lips": list(mesh.LIPS),
    "lids": list(mesh.LIDS),
    "iris": list(mesh.IRISES),
}


def eye_unit(points: Tensor) -> Tensor:
    """Distance (...,) of the outer eye corners in the picture, over 100."""
    across = points[..., mesh.RIGHT_EYE_OUTER, :2] - points[..., mesh.LEFT_EYE_OUTER, :2]
    return torch.linalg.vector_norm(across, dim=-1) / 100


def face_errors(found: Tensor, truth: Tensor) -> dict[str, float]:
    """Mean 2D point error per group of one face (478, 3), percent of the eye distance."""
    error = torch.linalg.vector_norm(found[:, :2] - truth[:, :2], dim=-1) / eye_unit(truth)
    return {name: float(error[part].mean()) for name, part in GROUPS.items()}


def nearest_face(encoder: FaceEncoder, image: Tensor, truth: Tensor) -> Tensor | None:
    """Points of the found face that lies on ``truth``, or None."""
    try:
        faces = encoder.detect(image)
    except NoFaceError:
        return None
    away = torch.linalg.vector_norm(faces.frames[:, :, 2] - truth[:, :2].mean(0), dim=-1)
    if float(away.min()) > 100 * float(eye_unit(truth)):
        return None
    return encoder.landmarks_at(image, faces[int(away.argmin())])[0]


def stills(encoder: FaceEncoder, name: str, items) -> None:
    """Print one row for an iterable of (image (1, 3, H, W), truth (478, 3), label)."""
    rows, missed, worst = [], [], []
    for image, truth, label in items:
        points = nearest_face(encoder, image, truth)
        if points is None:
            missed.append(label)
            continue
        rows.append(face_errors(points, truth))
        worst.append((rows[-1]["all"], label))
    table(name, rows, len(missed))
    worst = ", ".join(f"{label} {error:.1f}" for error, label in sorted(worst)[::-1][:6])
    print(f"    missed: {', '.join(map(str, missed[:12])) or 'none'}; worst: {worst}")


def table(name: str, rows: list[dict[str, float]], missed: int) -> None:
    """Print medians over faces."""
    total = len(rows) + missed
    values = {k: np.array([r[k] for r in rows]) for k in GROUPS}
    medians = "  ".join(f"{k} {np.median(v):5.2f}" for k, v in values.items())
    p90 = np.percentile(values["all"], 90)
    share = 100 * len(rows) / total
    print(f"{name:34s} found {len(rows)}/{total} ({share:.1f} %)  {medians}  p90 {p90:5.2f}")


def empty(encoder: FaceEncoder, name: str, images) -> None:
    """Print how many pictures without a face show one, for an iterable of (image, label)."""
    wrong, total = [], 0
    for image, label in images:
        total += 1
        with contextlib.suppress(NoFaceError):
            wrong.append(f"{label} ({float(encoder.detect(image).scores.max()):.2f})")
    print(f"{name:34s} false faces in {len(wrong)}/{total}: {', '.join(wrong) or 'none'}")


def read_image(file: Path) -> Tensor:
    """(1, 3, H, W), 0..1; transparency over white."""
    picture = Image.open(io.BytesIO(file.read_bytes())).convert("RGBA")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return to_tensor(np.asarray(Image.alpha_composite(white, picture).convert("RGB")))


def to_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W), 0..1."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


def portraits(data: Path):
    """(image, truths (F, 478, 3), entry) of the portraits."""
    for entry in sorted(read_index(data, "portraits"), key=lambda entry: entry.file):
        labels = np.load(entry.landmarks)
        size = [int(labels["width"]), int(labels["height"]), int(labels["width"])]
        truths = labels["landmarks"].astype(np.float32).reshape(-1, mesh.VERTICES, 3)
        truths = truths * np.array(size, np.float32)
        yield read_image(entry.file), torch.from_numpy(truths)[: int(labels["ok"].sum())], entry


def clips(data: Path):
    """Frames (T, H, W, 3) uint8, truth (T, 478, 3), ok (T,), name of the clips for the test."""
    for entry in read_index(data, "talking"):
        if entry.split_for("face") == "test":
            track, ok = read_track(entry)
            frames = read_frames(entry.file)[: len(track)]
            yield frames, torch.from_numpy(track[: len(frames)]), ok[: len(frames)], entry.name


def clip_stills(data: Path, each: int = 6):
    """Some frames of each clip, as ``stills`` wants them."""
    for frames, truth, ok, name in clips(data):
        for t in np.linspace(0, len(frames) - 1, each).astype(int):
            if ok[t]:
                yield to_tensor(frames[t]), truth[t], f"{name}:{t}"


def video(encoder: FaceEncoder, data: Path, longest: int = 75) -> None:
    """Print errors while tracking, jitter where the teacher's face rests, agreement of the lips."""
    errors, ours, theirs, corr, lags, spent, count = [], [], [], [], [], 0.0, 0
    for frames, truth, ok, _name in clips(data):
        frames, truth, ok = frames[:longest], truth[:longest], torch.from_numpy(ok[:longest])
        started = time.perf_counter()
        points, found = encoder.track(to_tensor(f)[0] for f in frames)
        spent, count = spent + time.perf_counter() - started, count + len(frames)
        both = ok & found
        pairs = zip(points[both], truth[both], strict=True)
        errors.append(np.mean([list(face_errors(p, t).values()) for p, t in pairs], 0))
        steps = [(p[1:, :, :2] - p[:-1, :, :2]).norm(dim=-1).mean(1) for p in (points, truth)]
        moved = [step / eye_unit(truth).mean() for step in steps]
        still = (moved[1] < 0.3) & both[1:] & both[:-1]
        ours += moved[0][still].tolist()
        theirs += moved[1][still].tolist()
        gaps = [p[:, mesh.LIP_LOWER_MIDDLE] - p[:, mesh.LIP_UPPER_MIDDLE] for p in (points, truth)]
        lips = [gap[:, :2].norm(dim=-1).numpy() for gap in gaps]
        lagged = [
            np.corrcoef(np.roll(lips[0], -k)[3:-3], lips[1][3:-3])[0, 1] for k in range(-2, 3)
        ]
        corr.append(lagged[2])
        lags.append(int(np.argmax(lagged)) - 2)
    median = np.median(np.array(errors), 0)
    print(
        "tracked clips, median of clips:   ",
        dict(zip(GROUPS, median.round(2).tolist(), strict=True)),
    )
    rest = f"ours {np.mean(ours):.3f} %, teacher {np.mean(theirs):.3f} % a frame"
    print(f"    jitter where the teacher rests: {rest}; {1000 * spent / count:.1f} ms a frame")
    print(
        f"    lip opening: correlation {np.median(corr):.3f}, best lag {np.mean(lags):+.2f} frames"
    )


def rest_jitter(encoder: FaceEncoder, data: Path) -> None:
    """Print the jitter on a still picture with fresh noise in each frame, through H.264."""
    for image, _, entry in portraits(data):
        if entry.split_for("jitter") != "test":
            continue
        side = 256 / min(image.shape[-2:])
        image = F.interpolate(image, scale_factor=side, mode="bilinear", antialias=True)
        image = image[..., : image.shape[-2] // 2 * 2, : image.shape[-1] // 2 * 2]
        points, _ = encoder.track(compressed(image, 40))
        move = torch.linalg.vector_norm(points[6:, :, :2] - points[5:-1, :, :2], dim=-1)
        jitter = float(move.mean() / eye_unit(points[0]))
        print(f"still {entry.name:20s} with noise and H.264: {jitter:.3f} % a frame")


def compressed(image: Tensor, count: int, noise: float = 0.02) -> list[Tensor]:
    """``count`` copies (3, H, W) of an image (1, 3, H, W), each with own noise, through H.264."""
    generator = torch.Generator().manual_seed(0)
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "26"})
        stream.height, stream.width, stream.pix_fmt = *image.shape[-2:], "yuv420p"
        for _ in range(count):
            noisy = image[0] + noise * torch.randn(image.shape[1:], generator=generator)
            picture = (noisy.clamp(0, 1) * 255).byte().permute(1, 2, 0).contiguous().numpy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    memory.seek(0)
    with av.open(memory) as container:
        return [to_tensor(f.to_ndarray(format="rgb24"))[0] for f in container.decode(video=0)]


def validation(encoder: FaceEncoder, data: Path, work: Path, every: int) -> None:
    """What choices were made on."""
    faces = load_faces(data, work)
    for split in ("validation", "held_out"):
        images, points = (part[::every] for part in faces.select(split))
        items = (
            (i[None].float() / 255, p, n)
            for n, (i, p) in enumerate(zip(images, points, strict=True))
        )
        stills(encoder, f"validation: {split}", items)
    held = faces.select_negatives("held_out")
    empty(encoder, "validation: no face", ((i[None].float() / 255, n) for n, i in enumerate(held)))


def test(encoder: FaceEncoder, data: Path) -> None:
    """What no choice was made on."""
    pictures = list(portraits(data))
    good = [(i, t[0], e.name) for i, t, e in pictures if len(t) == 1 and not e.bad_input]
    stills(encoder, "test: portraits", good)
    stills(encoder, "test: clip frames", clip_stills(data))
    empty(encoder, "test: no face", ((i, e.name) for i, _, e in pictures if e.faces == 0))
    for image, _, entry in pictures:
        if entry.bad_input and entry.faces > 0:
            try:
                print(f"    {entry.name}: {len(encoder.detect(image))} faces")
            except NoFaceError as error:
                print(f"    {entry.name}: {error}")
    video(encoder, data)
    rest_jitter(encoder, data)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--work", type=Path, required=True, help="work folder of the training")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--every", type=int, default=1, help="validate on every n-th face only")
    parser.add_argument("--only", choices=("validation", "test"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = FaceEncoder.load(folder=arguments.weights)
    if arguments.only != "test":
        validation(encoder, arguments.data, arguments.work, arguments.every)
    if arguments.only != "validation":
        test(encoder, arguments.data)


if __name__ == "__main__":
    main()
