"""A character's head: the mean face mesh, reshaped and turned, with its relief for shading."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from ...face import topology
from .canvas import Canvas

BASIS = Path(__file__).parents[2] / "face" / "weights" / "face_basis.safetensors"
PIVOT = 0.35  # depth of the neck's axis


@dataclass(frozen=True)
class Bulge:
    """Stretch and shift the mesh around a point, on both sides alike unless ``one_sided``."""

    centre: tuple[float, float]
    radius: tuple[float, float]
    stretch: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)
    one_sided: bool = False

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """The points (n, 3), moved."""
        moved = points.copy()
        sides = (1,) if self.one_sided or self.centre[0] == 0 else (1, -1)
        for side in sides:
            away = points[:, :2] - (side * self.centre[0], self.centre[1])
            near = np.exp(-np.square(away / self.radius).sum(1, keepdims=True))
            shift = np.array([side * self.shift[0], self.shift[1]])
            moved[:, :2] += near * (away * (np.array(self.stretch) - 1) + shift)
        return moved


class Head:
    """The mesh of one face: ``points`` (478, 3) in units, z away from the viewer."""

    def __init__(self, bulges: tuple[Bulge, ...], yaw: float, roll: float):
        points = load_file(BASIS)["canonical"].numpy()
        for bulge in bulges:
            points = bulge(points)
        self.yaw, self.roll = np.radians(yaw), np.radians(roll)
        self.points = self.place(points)

    def place(self, points) -> np.ndarray:
        """Head coordinates, (n, 2) or (n, 3), as they lie in the picture, (n, 3)."""
        p = np.atleast_2d(np.asarray(points, np.float32))
        z = p[:, 2] if p.shape[1] == 3 else np.full(len(p), PIVOT)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        x, z = c * p[:, 0] - s * (z - PIVOT), s * p[:, 0] + c * (z - PIVOT) + PIVOT
        y = p[:, 1] - 1.3
        c, s = np.cos(self.roll), np.sin(self.roll)
        return np.stack([c * x - s * y, s * x + c * y + 1.3, z], 1).astype(np.float32)

    def __getitem__(self, ids) -> np.ndarray:
        return self.points[list(ids), :2]

    def at(self, i: int) -> np.ndarray:
        """One vertex in the picture, (2,)."""
        return self.points[i, :2]

    def relief(self, canvas: Canvas, smooth: float = 2e-3) -> np.ndarray:
        """Depth of the face at every pixel, (H, W): a thin plate through the vertices."""
        p = torch.from_numpy(self.points[: topology.FACE_VERTICES]).double()
        n = len(p)
        system = torch.zeros(n + 3, n + 3, dtype=torch.float64)
        system[:n, :n] = plate(torch.cdist(p[:, :2], p[:, :2])) + smooth * torch.eye(n)
        system[:n, n] = system[n, :n] = 1
        system[:n, n + 1 :], system[n + 1 :, :n] = p[:, :2], p[:, :2].T
        goal = torch.cat([p[:, 2], torch.zeros(3, dtype=torch.float64)])
        weights = torch.linalg.solve(system, goal).float()
        side = 400
        pick = np.linspace(0, canvas.px - 1, side).round().astype(int)
        x = torch.from_numpy(canvas.x[0, pick]).expand(side, side)
        y = torch.from_numpy(canvas.y[pick, 0])[:, None].expand(side, side)
        grid = torch.stack([x, y], -1).reshape(-1, 2)
        near = plate(torch.cdist(grid, p[:, :2].float()))
        z = near @ weights[:n] + weights[n] + grid @ weights[n + 1 :]
        z = z.view(1, 1, side, side)
        size = (canvas.px, canvas.px)
        z = torch.nn.functional.interpolate(z, size, mode="bicubic", align_corners=True)
        return z[0, 0].numpy()


def plate(r: torch.Tensor) -> torch.Tensor:
    """The thin plate's kernel r^2 log r."""
    return r.square() * torch.log(r.clamp(min=1e-6))
