"""What the workers share: requests and replies as lines of JSON, tensors by their bits.

A worker is one process that has imported one framework. It answers one line of standard input with
one line of what was standard output when it started; whatever the framework prints itself goes to
standard error. Import this module before the framework.

A request is a call (`xtask/src/worker/protocol.rs` writes it) or `{"signature": true}`. The reply to
a call has the `id` of the call and one of

- `arrays`: what was computed, and `printed`: what `print` of the output shows, where that was asked;
- `rejected` and `message`: the class that the framework raised, and the first line of what it said;
- `failed`: a traceback of the worker itself, which is no answer of the framework.
"""

import base64
import contextlib
import inspect
import json
import os
import platform
import re
import sys
import traceback

import numpy

_requests = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
_replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
# Nothing that the framework starts or prints can read or write a line of ours.
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)

# By the names of mapcheck; bf16 is unknown to numpy and stays what its bits are.
BITS = {"f16": "<f2", "bf16": "<u2", "f32": "<f4", "f64": "<f8"}


class Array:
    """A tensor as it was sent: its storage, and how it lies there (in elements)."""

    def __init__(self, sent):
        self.dtype, self.shape = sent["dtype"], sent["shape"]
        self.strides, self.offset = sent["strides"], sent["offset"]
        self.storage = numpy.frombuffer(bytearray(base64.b64decode(sent["storage"])), BITS[self.dtype])

    def contiguous(self):
        """The elements in the order of their indices, without the layout."""
        if 0 in self.shape:
            return numpy.empty(self.shape, self.storage.dtype)
        steps = [step * self.storage.itemsize for step in self.strides]
        view = numpy.lib.stride_tricks.as_strided(self.storage[self.offset :], self.shape, steps)
        return numpy.array(view, order="C")


def encoded(dtype, array):
    """A contiguous numpy array as it is sent; that of a bf16 holds the bits."""
    array = numpy.ascontiguousarray(array, BITS[dtype]).reshape(array.shape)
    storage = base64.b64encode(array.tobytes()).decode()
    return {"dtype": dtype, "shape": list(array.shape), "storage": storage}


def decoded(sent, tensor, dtype):
    """A Python value as it was sent; `tensor` and `dtype` make the framework's own of an Array and of a name."""
    [(tag, value)] = sent.items()
    if tag == "list":
        return [decoded(item, tensor, dtype) for item in value]
    make = {"none": lambda _: None, "bool": bool, "int": int, "float": float, "str": str}
    make.update(tensor=lambda sent: tensor(Array(sent)), dtype=dtype)
    return make[tag](value)


class Call:
    """A call as it was sent, with the framework's own tensors."""

    def __init__(self, request, tensor, dtype):
        def pairs(sent):
            return {name: decoded(value, tensor, dtype) for name, value in sent}

        self.arguments, self.fill = pairs(request["arguments"]), pairs(request["fill"])
        name, x = request["input"]
        self.input_name, self.x = name, tensor(Array(x))
        backward = request["backward"]
        self.dy = tensor(Array(backward["dy"])) if backward else None
        self.wanted = backward["wanted"] if backward else []
        self.print = request["print"]


def rejection(raised):
    """The class and the first line of a message, without what differs from run to run."""
    lines = [line.strip() for line in str(raised).splitlines() if re.search(r"\w", line)]
    message = re.sub(r"0x[0-9a-fA-F]+", "0x...", lines[0]) if lines else ""
    return {"rejected": type(raised).__name__, "message": message}


def signature(module, forward, dtype_name):
    """Parameters of a module's constructor and forward, and what its documentation announces.

    `dtype_name` gives our name of a dtype of the framework, and None of anything else.
    """

    def default(value):
        dtype = dtype_name(value)
        if dtype:
            return {"dtype": dtype}
        for tag, kind in {"bool": bool, "int": int, "str": str}.items():
            if type(value) is kind:
                return {tag: value}
        if type(value) is float:
            return {"float": repr(value)}
        return {"none": None} if value is None else {"other": repr(value)}

    def parameters(function):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name != "self":
                entry = {"name": parameter.name, "kind": parameter.kind.name.lower()}
                if parameter.default is not parameter.empty:
                    entry["default"] = default(parameter.default)
                yield entry

    return {
        "constructor": list(parameters(module)),
        "forward": list(parameters(forward)),
        "announcements": announcements(inspect.getdoc(module) or ""),
    }


def announcements(documentation):
    """The paragraphs under `.. warning::` and `.. deprecated::`, each on one line."""
    found, indent = [], None
    for line in documentation.splitlines():
        depth = len(line) - len(line.lstrip())
        start = re.match(r"\s*\.\.\s+(?:warning|deprecated)::\s*(.*)", line)
        if start:
            found.append([start[1]])
            indent = depth
        elif line.strip() and indent is not None:
            if depth > indent:
                found[-1].append(line.strip())
            else:
                indent = None
    return [" ".join(part for part in parts if part) for parts in found]


def serve(framework, version, ask, describe):
    """Says hello, and answers until there are no more requests.

    `ask` gives the arrays that answer a call and what they print, or raises Rejected; `describe` gives the
    signature.
    """
    reply(
        framework=framework,
        version=version,
        python=platform.python_version(),
        numpy=numpy.__version__,
        platform="{}-{}".format(platform.machine(), sys.platform),
    )
    for line in _requests:
        request = json.loads(line)
        try:
            if request.get("signature"):
                reply(signature=describe())
                continue
            arrays, printed = ask(request)
            answer = {"arrays": arrays, "printed": printed}
        except Rejected as rejected:
            answer = rejection(rejected.__cause__)
        except Exception:
            answer = {"failed": traceback.format_exc()}
        reply(id=request.get("id"), **answer)


class Rejected(Exception):
    """What the framework raised, which is its cause."""


@contextlib.contextmanager
def framework():
    """What is raised in here is an answer of the framework, and no failure of the worker."""
    try:
        yield
    except Rejected:
        raise
    except Exception as raised:
        raise Rejected from raised


def reply(**line):
    _replies.write(json.dumps(line) + "\n")
    _replies.flush()
