"""How far lips are open in frames."""


def opening(space, frames):
    """(T, 3, H, W) frames of a face to (T,): the gap of its lips, in distances between the eyes."""
    points = space.landmarks(frames)
    across = (points[:, 33] - points[:, 263]).norm(dim=1)
    return (points[:, 14] - points[:, 13]).norm(dim=1) / across
