"""The label in every file that this project writes: it is AI-generated."""

from __future__ import annotations

NOTICE = "AI-generated: synthetic talking portrait made with VASA open"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def label() -> dict[str, str]:
    """Metadata for a media container or a tensor file.

    ``digital_source_type`` is the IPTC term that platforms read to mark synthetic media.
    """
    return {"comment": NOTICE, "ai_generated": "true", "digital_source_type": SOURCE_TYPE}
