"""A node's inputs and outputs do not change unawares: shared workflows depend on them.

After a change, describe it in CHANGELOG.md, then run ``python -m pytest tests/nodes/test_schemas.py
--write-schemas``; it refuses while CHANGELOG.md is the same.
"""

import hashlib
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.comfyui
SNAPSHOT = Path(__file__).parent / "schemas.json"
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
FILES = {("VASALoadModel", "model"), ("VASALoadMotion", "file")}  # their options are files
KEPT = ("default", "min", "max", "step", "multiline", "control_after_generate", "options")


def described(node_id, one):
    """An input without its wording."""
    rest = one.as_dict()
    kept = {key: rest[key] for key in KEPT if key in rest}
    if (node_id, one.id) in FILES:
        del kept["options"]
    return {"id": one.id, "type": one.get_io_type(), "optional": one.optional, **kept}


def schemas():
    """All nodes' inputs and outputs."""
    from vasa_pack.nodes.extension import NODES, TalkingPortraitExtension

    TalkingPortraitExtension()
    found = {}
    for node in NODES:
        schema = node.define_schema()
        found[schema.node_id] = {
            "inputs": [described(schema.node_id, one) for one in schema.inputs],
            "outputs": [[one.get_io_type(), one.is_output_list] for one in schema.outputs],
            "output_node": schema.is_output_node,
        }
    return json.loads(json.dumps(found))


def test_inputs_and_outputs_are_as_recorded(request):
    now, log = schemas(), hashlib.sha256(CHANGELOG.read_bytes()).hexdigest()
    kept = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {"schemas": {}}
    if request.config.getoption("--write-schemas") and now != kept["schemas"]:
        assert log != kept.get("changelog"), "describe the change in CHANGELOG.md first"
        SNAPSHOT.write_text(json.dumps({"changelog": log, "schemas": now}, indent=1) + "\n")
        return
    assert now == kept["schemas"], __doc__


def test_every_input_and_output_explains_itself():
    from vasa_pack.nodes.extension import NODES

    ids = []
    for node in NODES:
        schema = node.define_schema()
        ids.append(schema.node_id)
        assert schema.description and schema.category == "video/talking portrait"
        assert schema.display_name[0].isupper() and schema.display_name.isascii()
        for one in (*schema.inputs, *schema.outputs):
            assert one.tooltip and one.tooltip.endswith("."), (schema.node_id, one.id)
    assert all(name.startswith("VASA") for name in ids) and len(set(ids)) == len(ids) == 25
