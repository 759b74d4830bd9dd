"""Makes ``tests/excerpts`` from the full set of golden outputs: python tests/make_excerpts.py

Inputs are kept whole (a picture that occurs twice, once); long outputs are thinned to some of their
values; large pictures that only the crop and the paste are compared with are left out.
"""

import zlib

import numpy as np
from goldens import EXCERPTS, SHARED

KEPT, LONG = 400, 700  # values of a thinned output; values from which an output is thinned
LEFT_OUT = {
    "lp_M": {"drv0_image_u8", "drv1_image_u8"},
    "lp_pipeline_kp": {"source_u8", "img_crop_down"},
    "lp_e2e": {"pasted1_u8", "frame1_u8_down", "mask_ori_down"},
}
INPUTS = {"lmk203", "lmk106", "lip_array", "stitch_in", "lip_in", "eye_in"}


def thinned(key, array):
    """Some of an output's values and where they stand."""
    random = np.random.default_rng(zlib.crc32(key.encode()))
    places = np.sort(random.choice(array.size, KEPT, replace=False))
    return {f"{key}_idx": places.astype(np.int32), f"{key}_val": array.reshape(-1)[places]}


def excerpt(name, arrays, pictures):
    """The arrays of one file as the excerpt has them."""
    kept = {}
    for key, array in arrays.items():
        if key in LEFT_OUT.get(name, ()) or key.endswith("_stats"):
            continue
        if key.endswith(("_idx", "_val")):
            kept[key] = array[:: -(-len(array) // KEPT)]
        elif array.dtype == np.uint8:
            known = pictures.setdefault(array.tobytes(), f"{name}:{key}")
            kept[key] = array if known == f"{name}:{key}" else np.array(known)
        elif array.size > LONG and key not in INPUTS and array.dtype.kind == "f":
            kept |= thinned(key, array)
        else:
            kept[key] = array
    return kept


def main():
    """Write them all."""
    EXCERPTS.mkdir(exist_ok=True)
    pictures = {}
    for path in sorted((SHARED / "goldens").glob("*.npz")):
        with np.load(path) as stored:
            arrays = excerpt(path.stem, dict(stored), pictures)
        np.savez_compressed(EXCERPTS / path.name, **arrays)


if __name__ == "__main__":
    main()
