"""Asks torch.nn.GroupNorm what it is sent. `protocol.py` says how."""

import os
import sys

import protocol

# A run on a CPU calls nothing of CUDA's libraries, some of which are not there (environment.rs):
# their functions are looked up when they are called, and not when torch is loaded.
sys.setdlopenflags(os.RTLD_LAZY)

import torch  # noqa: E402

torch.set_num_threads(1)

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def tensor(array):
    """The same storage, shape, strides and offset."""
    if array.dtype == "bf16":
        storage = torch.from_numpy(array.storage.view("<i2")).view(torch.bfloat16)
    else:
        storage = torch.from_numpy(array.storage)
    return storage.as_strided(array.shape, array.strides, array.offset)


def encoded(tensor):
    dtype = NAMES[tensor.dtype]
    tensor = tensor.detach().contiguous()
    return protocol.encoded(dtype, (tensor.view(torch.int16) if dtype == "bf16" else tensor).numpy())


def ask(request):
    call = protocol.Call(request, tensor, DTYPES.get)
    with protocol.framework():
        tensors = answer(call)
    printed = str(tensors["y"].detach().numpy()) if call.print else None
    return {name: encoded(tensor) for name, tensor in tensors.items()}, printed


def answer(call):
    net = torch.nn.GroupNorm(**call.arguments)
    if "dtype" not in call.arguments:
        net.to(call.x.dtype)
    for name, value in call.fill.items():
        fill(getattr(net, name), value)
    parameters = {"gamma": net.weight, "beta": net.bias}
    built = {name: p.detach().clone() for name, p in parameters.items() if p is not None}

    if call.dy is not None:
        for name, leaf in {"x": call.x, **parameters}.items():
            # Where there is no parameter, asking for its gradient raises as it would for a user.
            if leaf is not None or name in call.wanted:
                leaf.requires_grad_(name in call.wanted)
    y = net(**{call.input_name: call.x})
    if call.wanted:
        y.backward(call.dy)
    leaves = {"x": call.x, **parameters}
    gradients = {"d" + name: leaves[name].grad for name in call.wanted}
    return {"y": y, **gradients, **built}


def fill(parameter, value):
    """Writes what a user writes instead of an initialiser; where there is no parameter, there is nothing to write."""
    if parameter is None:
        return
    if isinstance(value, torch.Tensor):
        # Not copied: the parameter has the layout that was sent.
        parameter.data = value.to(parameter.dtype)
    else:
        with torch.no_grad():
            parameter.fill_(value)


def signature():
    return protocol.signature(torch.nn.GroupNorm, torch.nn.GroupNorm.forward, dtype_name)


def dtype_name(value):
    return NAMES.get(value) if isinstance(value, torch.dtype) else None


protocol.serve("torch", torch.__version__, ask, signature)
