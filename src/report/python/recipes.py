def size(shape):
    return int(numpy.prod(shape, dtype=int))


def uniform(shape, seed):
    """mapcheck's fixed generator (SplitMix64), in [0, 1): the same bits everywhere."""
    count = numpy.arange(1, size(shape) + 1, dtype=numpy.uint64)
    z = numpy.uint64(seed) + count * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return (((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(11)) / 2.0**53).reshape(shape)


def bell(shape, seed):
    """Mean 0 and deviation 1: twelve uniforms, added one after the other, less six."""
    return sum(numpy.moveaxis(uniform([*shape, 12], seed), -1, 0)) - 6.0


def ramp(shape, seed, mean=0.0, std=1.0, channel_offset=2.0, channel_scale=0.3, sample_offset=-3.0):
    """Each channel and each sample with an offset and a scale of its own."""
    index = numpy.arange(size(shape)).reshape(shape) // max(1, size(shape[2:]))
    c, n = index % max(1, size(shape[1:2])), index // max(1, size(shape[1:2]))
    scale = std * (1.0 + channel_scale * c)
    return mean + (scale * bell(shape, seed) + (channel_offset * c + sample_offset * n))


def steps(shape, start, by):
    """An arithmetic progression."""
    return start + by * numpy.arange(size(shape)).reshape(shape)


def with_elements(values, *elements):
    """Single elements that are set by hand."""
    for index, value in elements:
        values[index] = value
    return values


def bfloat16(values):
    """Rounded to bfloat16, which numpy does not have, as float32."""
    unit = numpy.maximum(numpy.frexp(values)[1] - 8, -133)
    return numpy.ldexp(numpy.rint(numpy.ldexp(values, -unit)), unit).astype(numpy.float32)


def laid(tensor, length, strides, offset):
    """The tensor in memory of another order; what no element reaches is NaN."""
    memory = torch.full((length,), float("nan"), dtype=tensor.dtype)
    return memory.as_strided(tensor.shape, strides, offset).copy_(tensor)
