"""Runs every script of a folder with stand-ins for torch and mindspore, which keep the tensors that they are handed.

`5.py` leaves `5.bin`, the tensors one after the other, and `5.txt`, a line with dtype, shape and strides of each.
"""

import pathlib
import sys
import types

import numpy
from numpy.lib import stride_tricks

kept = []


class Tensor:
    def __init__(self, array, dtype=None):
        self.array, self.kind = array, dtype or array.dtype.name

    dtype = property(lambda self: self.kind)
    shape = property(lambda self: self.array.shape)

    def __getitem__(self, index):
        return Tensor(self.array[index], self.kind)

    def to(self, dtype):
        return Tensor(self.array, dtype)

    astype = to

    def reshape(self, shape):
        return Tensor(self.array.reshape(shape), self.kind)

    def expand(self, shape):
        return Tensor(numpy.broadcast_to(self.array, shape), self.kind)

    def as_strided(self, shape, strides, offset):
        strides = [self.array.itemsize * stride for stride in strides]
        return Tensor(stride_tricks.as_strided(self.array[offset:], shape, strides), self.kind)

    def copy_(self, other):
        self.array[...] = other.array
        return self

    def requires_grad_(self):
        self.grad = None

    def backward(self, dy):
        keep(dy)


def keep(tensor):
    array = numpy.where(numpy.isnan(tensor.array), numpy.nan, tensor.array).astype(tensor.array.dtype)
    if tensor.kind == "bfloat16":
        bits = array.view(numpy.uint32)
        assert not (bits & 0xFFFF).any(), "what is given for bfloat16 is not rounded to it"
        array = (bits >> 16).astype(numpy.uint16)
    strides = [stride // tensor.array.itemsize for stride in tensor.array.strides]
    kept.append((f"{tensor.kind} {list(tensor.shape)} {strides}", array.tobytes()))


class Parameter:
    grad = None

    def __setattr__(self, name, value):
        assert name == "data"
        keep(value)


class GroupNorm:
    def __init__(self, **arguments):
        self.weight, self.bias, self.gamma, self.beta = (Parameter() for _ in range(4))
        for value in arguments.values():
            if isinstance(value, Tensor):
                keep(value)

    def to(self, dtype):
        pass

    def __call__(self, **named):
        (x,) = named.values()
        keep(x)
        return Tensor(x.array)


def gradient_of_mindspore(net, weights=None):
    return lambda x, dy: keep(dy)


def module(**members):
    dtypes = {name: name for name in ["float16", "bfloat16", "float32", "float64"]}
    return types.SimpleNamespace(nn=types.SimpleNamespace(GroupNorm=GroupNorm), **dtypes, **members)


def array(values, dtype):
    if dtype != "bfloat16":
        return numpy.array(values, dtype)
    bits = numpy.array(values, "float32").view(numpy.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(numpy.uint32).view(numpy.float32)


torch = module(
    tensor=lambda values, dtype: Tensor(array(values, dtype), dtype),
    from_numpy=Tensor,
    full=lambda shape, value, dtype: Tensor(numpy.full(shape, array(value, dtype)), dtype),
)
torch.nn.init = types.SimpleNamespace(constant_=lambda parameter, value: None)
mindspore = module(Tensor=Tensor, ParameterTuple=list)
mindspore.ops = types.SimpleNamespace(GradOperation=lambda **flags: gradient_of_mindspore)
sys.modules.update(torch=torch, mindspore=mindspore)

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    kept.clear()
    # A warning of numpy would be one in front of the user.
    with numpy.errstate(all="raise", under="ignore"):
        exec(compile(path.read_text(), path.name, "exec"), {"print": lambda *_: None})
    path.with_suffix(".txt").write_text("".join(line + "\n" for line, _ in kept))
    path.with_suffix(".bin").write_bytes(b"".join(data for _, data in kept))
