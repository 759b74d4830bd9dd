"""ComfyUI loads the pack here; everything else is imported when it asks for the nodes."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """The pack's nodes, for ComfyUI (V3 API)."""
    from .nodes.extension import TalkingPortraitExtension

    return TalkingPortraitExtension()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
