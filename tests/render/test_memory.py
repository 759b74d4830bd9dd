from vasa_core.render.memory import CHUNK_BYTES, frame_bytes, frames_per_chunk, streaming_bytes


def test_chunks_are_small_whatever_the_picture():
    for side in (64, 512, 2048, 8192):
        chunk = frames_per_chunk(side, side)
        assert chunk == 1 or chunk * frame_bytes(side, side) <= CHUNK_BYTES
    assert frames_per_chunk(512, 512) == 8 and frames_per_chunk(8192, 8192) == 1


def test_a_stream_of_frames_has_a_bound():
    assert frame_bytes(10, 20) == 10 * 20 * 3 * 4
    assert streaming_bytes(512, 512, 2) < 2**29 < streaming_bytes(8192, 8192, 2) < 2**34
