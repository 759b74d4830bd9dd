"""Names for the vertices of the 478-point face mesh (the numbering of MediaPipe FaceMesh).

"right" and "left" are the person's own: the right eye lies on the left of a frontal picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

VERTICES = 478
FACE_VERTICES = 468  # without the ten iris points

# Inner contours from the image's left corner to its right corner.
LIP_UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIP_LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
LIP_UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIP_LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIP_UPPER_MIDDLE, LIP_LOWER_MIDDLE = LIP_UPPER_INNER[5], LIP_LOWER_INNER[5]
RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER = LIP_UPPER_OUTER[0], LIP_UPPER_OUTER[-1]
LIP_UPPER_RINGS = (
    *(76, 184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(62, 183, 42, 41, 38, 12, 268, 271, 272, 407),
)
LIP_LOWER_RINGS = (
    *(77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(96, 89, 179, 86, 15, 316, 403, 319, 325),
)
LIPS = tuple(
    sorted(
        {*LIP_UPPER_INNER, *LIP_LOWER_INNER, *LIP_UPPER_OUTER, *LIP_LOWER_OUTER}
        | {*LIP_UPPER_RINGS, *LIP_LOWER_RINGS, 306, 292}
    )
)

RIGHT_LID_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LID_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_LID_UPPER = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_LID_LOWER = (362, 382, 381, 380, 374, 373, 390, 249, 263)
RIGHT_LID_MIDDLES = (RIGHT_LID_UPPER[4], RIGHT_LID_LOWER[4])  # upper, lower
LEFT_LID_MIDDLES = (LEFT_LID_UPPER[4], LEFT_LID_LOWER[4])
LIDS = tuple(sorted({*RIGHT_LID_UPPER, *RIGHT_LID_LOWER, *LEFT_LID_UPPER, *LEFT_LID_LOWER}))

# Skin above the upper lid: crease row, then the row above it.
RIGHT_CREASE = ((247, 30, 29, 27, 28, 56, 190), (225, 224, 223, 222, 221, 189))
LEFT_CREASE = ((467, 260, 259, 257, 258, 286, 414), (445, 444, 443, 442, 441, 413))

RIGHT_IRIS = (468, 469, 470, 471, 472)  # centre, then four points of the rim
LEFT_IRIS = (473, 474, 475, 476, 477)
IRISES = RIGHT_IRIS + LEFT_IRIS

RIGHT_EYE_OUTER, RIGHT_EYE_INNER = 33, 133
LEFT_EYE_INNER, LEFT_EYE_OUTER = 362, 263

# Upper edges of the brows from the image's left to its right; the third point is the middle.
RIGHT_BROW, LEFT_BROW = (70, 63, 105, 66, 107), (336, 296, 334, 293, 300)
NOSE_RIDGE = (168, 6, 197, 195, 5, 4)  # from between the eyes down to the tip

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288),
    *(397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136),
    *(172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
FOREHEAD, CHIN = 10, 152  # both ends of the oval's axis
RIGHT_TEMPLE, LEFT_TEMPLE = 127, 356

# Points that move with the skull, hardly with the face: forehead, nose, eye corners, temples.
RIGID = (
    *(10, 338, 297, 109, 67, 151, 9, 8, 168, 6, 197, 195, 5, 4),
    *(33, 133, 362, 263, 127, 356, 234, 454, 93, 323, 21, 251, 103, 332),
)


def mirror_index() -> Tensor:
    """Index (V,) of each point's mirror image: ``points[..., mirror_index(), :]`` after x -> -x.

    The left half of the mesh is numbered in the order of the right half.
    """
    middle = {0, 1, 2, *range(4, 7), *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200}
    right = [i for i in range(248) if i not in middle]
    index, left = torch.arange(VERTICES), torch.arange(248, FACE_VERTICES)
    index[right], index[left] = left, torch.tensor(right)
    index[FACE_VERTICES:] = torch.tensor([473, 476, 475, 474, 477, 468, 471, 470, 469, 472])
    return index
