"""The face as a smooth surface over the picture: vertex displacements and depth for every pixel.

A Matern-3/2 kernel carries the 468 face vertices, and rings of control points around them that hold
the surroundings still, to any point of the picture. What moves a portrait is linear in the
weights of its blendshapes, so all kernel work happens once per portrait.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....face.topology import FACE_VERTICES, OVAL
from .....render.blur import gaussian_blur
from .openings import Openings, lifted_plane, lifted_vertices

LENGTH = 0.45  # of the kernel, in eye distances
RIDGE = 2e-3
FAR_DEPTH = 0.45  # of hair, neck and ears behind the mean of the oval, in eye distances
DEPTH_BLUR = 0.05  # in eye distances; without it the far cheek's edge is saw-toothed

# Rings of control points: size relative to the oval, share of the oval's displacement.
RINGS = ((1.22, 0.45), (1.55, 0.12), (2.0, 0.0))
RING_DEPTH = ((0.5, 0.14), (0.0, 0.28), (0.0, 0.40))  # share of the oval's relief, extra depth


@dataclass(frozen=True, slots=True)
class Surface:
    """Fitted kernel of one portrait; used while a portrait is prepared, not kept.

    points (K, 3)      control points in lifted coordinates, eye distances
    solved (K, 468)    kernel weights of a unit displacement of each face vertex
    depth_solved (K,)  kernel weights of the depth relative to ``far``
    far                depth of everything that is not face, pixels
    unit               eye distance in pixels
    """

    points: Tensor
    solved: Tensor
    depth_solved: Tensor
    far: float
    unit: float
    mouth: Openings
    eyes: Openings

    def kernel(self, positions: Tensor, side: int) -> Tensor:
        """(N, 2) pixels on a side of all cuts (+1 upper, -1 lower) to (N, K) kernel values."""
        lift = side * lifted_plane(positions, self.mouth, self.eyes)
        lifted = torch.cat([positions, lift[:, None]], 1) / self.unit
        return matern(torch.cdist(lifted, self.points))

    def displace(self, positions: Tensor, side: int, blendshapes: Tensor) -> Tensor:
        """Fields of vertex displacements: (N, 2) pixels, (C, 468, 3) blendshapes to (C, 3, N)."""
        weights = self.solved @ blendshapes.permute(1, 0, 2).flatten(1)
        field = self.kernel(positions, side) @ weights
        return field.T.unflatten(0, (len(blendshapes), 3))

    def depth(self, grid: Tensor, cell: float) -> Tensor:
        """(h, w, 2) lattice with ``cell`` pixels between points to the smoothed depth (h, w)."""
        flat = self.kernel(grid.flatten(0, 1), 1) @ self.depth_solved + self.far
        return gaussian_blur(flat.view(1, 1, *grid.shape[:2]), DEPTH_BLUR * self.unit / cell)[0, 0]


def fit_surface(landmarks: Tensor, unit: float, mouth: Openings, eyes: Openings) -> Surface:
    """Solve the kernel for (V, 3) landmarks in pixels; ``unit`` is the eye distance in pixels."""
    face = landmarks[:FACE_VERTICES]
    oval = landmarks[list(OVAL)]
    centre, mean_depth = oval.mean(0), oval[:, 2].mean()
    controls, carry = [face], [torch.eye(FACE_VERTICES).to(face)]
    for (size, share), (relief, extra) in zip(RINGS, RING_DEPTH, strict=True):
        ring = centre + (oval - centre) * size
        ring[:, 2] = torch.lerp(mean_depth, oval[:, 2], relief) + extra * unit
        controls.append(ring)
        carry.append(share * carry[0][list(OVAL)])
    controls, carry = torch.cat(controls), torch.cat(carry)  # (K, 3), (K, 468)
    lift = lifted_vertices(controls[:, :2], mouth, eyes)
    points = torch.cat([controls[:, :2], lift[:, None]], 1) / unit
    far = mean_depth + FAR_DEPTH * unit
    # double: the matrix's condition number is some 1e5
    exact = points.double()
    matrix = matern(torch.cdist(exact, exact)) + RIDGE * torch.eye(len(exact)).to(exact)
    targets = torch.cat([carry, (controls[:, 2:] - far)], 1)
    solved = torch.linalg.solve(matrix, targets.double()).to(landmarks)  # (K, 469)
    return Surface(points, solved[:, :-1], solved[:, -1], far.item(), unit, mouth, eyes)


def matern(distance: Tensor) -> Tensor:
    """Matern-3/2 kernel of a distance in eye distances."""
    scaled = distance * (3**0.5 / LENGTH)
    return (1 + scaled) * torch.exp(-scaled)
