"""Web pages that need no server: from templates, with pictures beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from torch import Tensor

TEMPLATES = Path(__file__).parent / "templates"
PAGE = "index.html"
STRIP_WIDTH = 150  # of a frame, pixels


def write_page(folder: Path, template: str, **values: Any) -> Path:
    """Fill a template of ``templates``, every value escaped; returns the page's path."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    path = folder / PAGE
    path.write_text(templates.get_template(template).render(values), "utf8")
    return path


def distinct(names: Iterable[str]) -> list[str]:
    """Names of files as they are, but for a number behind those that are taken already."""
    taken: dict[str, str] = {}  # by how a disk sees it that knows no capitals
    for name in names:
        free, number = name, 1
        while free.lower() in taken:
            number += 1
            free = f"{name}_{number}"
        taken[free.lower()] = free
    return list(taken.values())


def row_picture(frames: Tensor) -> Tensor:
    """(T, 3, H, W) frames, made smaller, side by side: (3, h, T * w)."""
    height, width = frames.shape[-2:]
    size = max(1, round(height * STRIP_WIDTH / width)), STRIP_WIDTH
    frames = torch.nn.functional.interpolate(frames, size, mode="area")
    return rearrange(frames, "t c h w -> c h (t w)")
