"""Asks mindspore.nn.GroupNorm what it is sent. `protocol.py` says how."""

import protocol

import mindspore

# PyNative raises late: at another call, or never. So that an error comes at its own call, each
# operation is finished before the next.
mindspore.set_context(mode=mindspore.PYNATIVE_MODE, device_target="CPU", pynative_synchronize=True)

FULL = {"f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64"}
NAMES = {"Float16": "f16", "BFloat16": "bf16", "Float32": "f32", "Float64": "f64"}


def dtype(name):
    return getattr(mindspore, FULL[name])


def tensor(array):
    """The same values, contiguous. They come from numpy, which lacks bf16 but has all of its values in f32."""
    values = array.contiguous()
    if array.dtype == "bf16":
        values = (values.astype("<u4") << 16).view("<f4")
    made = mindspore.Tensor(values)
    return made.astype(dtype("bf16")) if array.dtype == "bf16" else made


def values(tensor):
    """The dtype, and the values in numpy; an error may wait for this first look at them."""
    name = NAMES[str(tensor.dtype)]
    return name, (tensor.astype(mindspore.float32) if name == "bf16" else tensor).asnumpy()


def encoded(name, values):
    return protocol.encoded(name, (values.view("<u4") >> 16).astype("<u2") if name == "bf16" else values)


def ask(request):
    # What is drawn at random is the same in every recording.
    mindspore.set_seed(1)
    with protocol.framework():
        # There are dtypes that are not there: 2.0.0 has no bfloat16.
        call = protocol.Call(request, tensor, dtype)
        tensors = answer(call)
        arrays = {name: values(tensor) for name, tensor in tensors.items()}
        printed = str(tensors["y"]) if call.print else None
    return {name: encoded(*array) for name, array in arrays.items()}, printed


def answer(call):
    net = mindspore.nn.GroupNorm(**call.arguments)
    for name, value in call.fill.items():
        getattr(net, name).set_data(value)
    parameters = {"gamma": net.gamma, "beta": net.beta}
    y = net(**{call.input_name: call.x})
    # In 2.0.0 the y of an f16 is an f32, and its gradient has to be one too.
    dy = call.dy if call.dy is None or call.dy.dtype == y.dtype else call.dy.astype(y.dtype)
    return {"y": y, **gradients(net, parameters, call, dy), **parameters}


def gradients(net, parameters, call, dy):
    weights = [name for name in call.wanted if name != "x"]
    if not call.wanted:
        return {}
    of_x = "x" in call.wanted
    gradient = mindspore.ops.GradOperation(get_all=of_x, get_by_list=bool(weights), sens_param=True)
    if weights:
        gradient = gradient(net, mindspore.ParameterTuple([parameters[name] for name in weights]))
    else:
        gradient = gradient(net)
    found = gradient(call.x, dy)
    if of_x:
        [dx], rest = found if weights else (found, ())
        found = (dx, *rest)
    assert len(found) == len(call.wanted), "{} gradients in {}".format(len(found), call.wanted)
    return dict(zip(("d" + name for name in call.wanted), found))


def signature():
    return protocol.signature(mindspore.nn.GroupNorm, mindspore.nn.GroupNorm.construct, dtype_name)


def dtype_name(value):
    return None if isinstance(value, str) else NAMES.get(str(value))


protocol.serve("mindspore", mindspore.__version__, ask, signature)
