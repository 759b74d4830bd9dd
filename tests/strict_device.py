"""A made-up second device, for machines without one: it computes on the CPU, but refuses to mix.

A tensor "on" it reports the device ``DEVICE``, holds an ordinary CPU tensor inside, and every
operation checks that all its tensors lie together, as a graphics card would.
"""

import torch
import torch._lazy.ts_backend
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

torch._lazy.ts_backend.init()  # a device type that this build of torch knows and nobody uses
DEVICE = torch.device("lazy", 0)
aten = torch.ops.aten
MIXING = {aten.index.Tensor, aten.index_put_.default, aten.copy_.default, aten._to_copy.default}


class StrictTensor(torch.Tensor):
    """A CPU tensor that says it lies on ``DEVICE``."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), dtype=inner.dtype, device=DEVICE
        )

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return f"StrictTensor({self.inner})"

    def tolist(self):
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class StrictDevice(TorchDispatchMode):
    """While active, tensors can be made on ``DEVICE`` and moved to it."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


def run(function, args, kwargs):
    """One operation, on CPU tensors, its result where a real device would have it."""
    if function == aten.lift_fresh.default and args[0].device == DEVICE:
        return StrictTensor(args[0].cpu())  # torch.tensor(..., device=DEVICE)
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    here = [tensor for tensor in tensors if isinstance(tensor, StrictTensor)]
    elsewhere = [t for t in tensors if not isinstance(t, StrictTensor) and t.ndim > 0]
    if here and elsewhere and function not in MIXING:
        raise RuntimeError(f"{function} got tensors on {DEVICE} and on the CPU")
    there = bool(here)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == DEVICE.type
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = function(*tree_map(_unwrapped, args), **tree_map(_unwrapped, kwargs))
    if function == aten.copy_.default:
        return args[0]
    known = {id(tensor.inner): tensor for tensor in here}  # in-place results are their arguments

    def wrapped(value):
        if not isinstance(value, torch.Tensor) or not there:
            return value
        return known[id(value)] if id(value) in known else StrictTensor(value)

    return tree_map(wrapped, result)


def _unwrapped(value):
    return value.inner if isinstance(value, StrictTensor) else value
