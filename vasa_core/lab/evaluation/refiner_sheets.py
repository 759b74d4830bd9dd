"""Contact sheets of the refiner: the source, the real frame, without and with it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ...errors import NoFaceError
from ...face.basis import CODE_SIZE, PARTS
from ...face.topology import LIP_LOWER_MIDDLE, LIP_UPPER_MIDDLE, LIPS
from ...spaces.mesh.renderer.prepare import prepare
from ...spaces.mesh.renderer.refiner import Refiner
from ...spaces.mesh.renderer.render import render
from ...spaces.mesh.space import MeshSpace
from ..training.refiner.pairs import lips_code

log = logging.getLogger(__name__)
CELL = 192  # pixels
ROWS = 10
OPENINGS = (0.06, 0.16)  # of the lips, in eye distances


def clip_sheet(
    source: Tensor, real: Tensor, without: Tensor, with_it: Tensor, landmarks: Tensor
) -> Image.Image:
    """Rows of frames (T, 3, H, W), those whose mouths differ most from the source (3, H, W) first;

    columns: source, real, without, with the refiner; the lower face and the whole.
    """
    sources = source.expand(len(real), -1, -1, -1) if source.ndim == 3 else source
    columns = (sources, real, without, with_it)
    opened = (landmarks[:, LIP_LOWER_MIDDLE] - landmarks[:, LIP_UPPER_MIDDLE]).norm(dim=-1)
    rows = []
    for n in opened.argsort(descending=True).tolist()[:ROWS]:
        mouth = landmarks[n, list(LIPS), :2]
        row = [cell(c[n], mouth.mean(0), 0.62 * face_width(landmarks[n])) for c in columns]
        row += [
            cell(c[n], landmarks[n, :, :2].mean(0), 1.3 * face_width(landmarks[n])) for c in columns
        ]
        rows.append(torch.cat(row, 2))
    return image_of(torch.cat(rows, 1))


def face_width(landmarks: Tensor) -> float:
    """Of (V, 3) landmarks, pixels."""
    return float(landmarks[:, 0].max() - landmarks[:, 0].min())


def cell(picture: Tensor, centre: Tensor, side: float) -> Tensor:
    """A square of a (3, H, W) picture, (3, CELL, CELL)."""
    line = (torch.arange(CELL) + 0.5) / CELL * side - side / 2
    grid = torch.stack(torch.meshgrid(centre[0] + line, centre[1] + line, indexing="xy"), -1)
    size = torch.tensor([picture.shape[-1], picture.shape[-2]])
    return F.grid_sample(
        picture[None],
        (2 * grid / size - 1)[None],
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )[0].clamp(0, 1)


def image_of(picture: Tensor) -> Image.Image:
    """(3, H, W), 0..1."""
    return Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())


def portrait_sheet(folder: Path, refiner: Refiner, out: Path) -> None:
    """Portraits with lips open: source, refined frame; two openings without and with it."""
    space = MeshSpace.load(refine=False)
    rows = []
    for file in sorted(folder.glob("*.*")):
        if file.name.startswith("bad_") or file.suffix not in (".jpg", ".png"):
            continue
        image = torch.from_numpy(np.array(Image.open(file).convert("RGB")))
        image = image.permute(2, 0, 1)[None].float() / 255
        try:
            landmarks = space.landmarks(image)[0]
        except NoFaceError:
            log.info("%s: no face", file.name)
            continue
        rows.append((file.stem, portrait_row(image, landmarks, space, refiner)))
    names = []
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        image_of(torch.cat([row for _, row in part], 1)).save(
            out / f"portraits_{start // ROWS}.png"
        )
        names.append(" ".join(name for name, _ in part))
    (out / "portraits.txt").write_text("\n".join(names))


def portrait_row(image: Tensor, landmarks: Tensor, space: MeshSpace, refiner: Refiner) -> Tensor:
    """One portrait's row, (3, CELL, 6 CELL)."""
    appearance = prepare(image, space.basis.measure(landmarks), space.basis)
    codes = torch.zeros(len(OPENINGS), CODE_SIZE)
    for row, gap in enumerate(OPENINGS):
        codes[row, PARTS["lips"]] = lips_code(gap, space.basis)
    none = torch.zeros(len(OPENINGS), 3)
    still = (none, none[:, :2], none[:, 0] + 1)
    width, face = face_width(landmarks), landmarks[:, :2].mean(0)
    mouth = landmarks[list(LIPS), :2].mean(0)
    frames = [render(appearance, *still, codes, refiner=r) for r in (None, refiner)]
    cells = [cell(image[0], face, 1.3 * width), cell(frames[1][-1], face, 1.3 * width)]
    cells += [cell(f[n], mouth, 0.62 * width) for n in range(len(OPENINGS)) for f in frames]
    return torch.cat(cells, 2)
