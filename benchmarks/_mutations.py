"""Files as accidents and strangers change them: bytes, JSON, archives of arrays, nested state."""

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Rng = np.random.Generator

# what JSON can hold and a writer of these files never would; texts in @ stand for raw numbers
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.5, 1e-320, 1e308, -1e308, 2**31, 2**63, 2**64, 10**400),
    *("@1e999@", "@-1e999@", "@NaN@", "@Infinity@", "@-0@", "@1E400@", "@" + "9" * 5000 + "@"),
    *("", "x", "inf", "-inf", "nan", "\x00", "\x1b[2J", "\ud800", "\u202e", "a" * 1000, "0", "1e5"),
    *([], {}, [[]], [None], {"": None}, [0] * 100, {"a": {"b": []}}),
)


def damaged(content: bytes, rng: Rng) -> bytes:
    """Flip, set, cut, repeat or insert bytes, at one place to three."""
    found = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if len(found) < 2:
            break
        at = int(rng.integers(len(found)))
        length = min(int(rng.integers(1, 1 + len(found) // 2)), int(2 ** rng.integers(0, 12)))
        how = rng.integers(7)
        if how == 0:
            found[at] ^= 1 << int(rng.integers(8))
        elif how == 1:
            found[at] = int(rng.choice([0, 255, 127, 34, 91, 123, 44, 48, 45]))
        elif how == 2:
            del found[at:]
        elif how == 3:
            del found[at : at + length]
        elif how == 4:
            found[at:at] = found[at : at + length]
        elif how == 5:
            found[at:at] = bytes(rng.integers(0, 256, min(length, 64), dtype=np.uint8))
        else:
            other = int(rng.integers(len(found)))
            found[at : at + length] = found[other : other + length]
    return bytes(found)


def places(value: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside another, however deep; of long lists a few."""
    if way:
        yield way
    if len(way) > 30:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, *way, key)
    elif isinstance(value, list):
        for k in range(len(value)) if len(value) < 8 else (0, 1, len(value) // 2, len(value) - 1):
            yield from places(value[k], *way, k)


def changed(values: Any, rng: Rng, odd: tuple[Any, ...] = ODD) -> Any:
    """Return nested values after one change or two: of kind, of length, of what is there."""
    values = copy.deepcopy(values)
    for _ in range(1 + (rng.random() < 0.2)):
        ways = list(places(values))
        if not ways:
            return values
        # the outer ones as often as all that are inside them
        depth = int(rng.choice(sorted({len(way) for way in ways})))
        chosen = [way for way in ways if len(way) == depth]
        *way, last = chosen[int(rng.integers(len(chosen)))]
        inner = values
        for key in way:
            inner = inner[key]
        other = ways[int(rng.integers(len(ways)))]
        _change(inner, last, values, other, rng, odd)
    return values


def _change(
    inner: Any, last: Any, values: Any, other: tuple[Any, ...], rng: Rng, odd: tuple[Any, ...]
) -> None:
    value, how = inner[last], rng.integers(8)
    if how == 0:
        del inner[last]
    elif how == 1 and isinstance(inner, dict):
        inner[str(rng.choice(["extra", "", str(last) + "2", "__class__"]))] = value
    elif how == 2 and isinstance(value, list) and value:
        value.pop() if rng.random() < 0.5 else value.append(copy.deepcopy(value[0]))
    elif how == 3 and isinstance(value, list):
        value.reverse()
    elif how == 4:
        for key in other:
            values = values[key]
        inner[last] = copy.deepcopy(values)
    elif how == 5 and type(value) in (int, float) and abs(value) < 1e300:
        inner[last] = value * float(rng.choice([-1, 0, 1e10, 1e-10, 1e300]))
    elif how == 6:
        for _ in range(int(rng.choice([1, 3, 100]))):
            value = [value]
        inner[last] = value
    else:
        inner[last] = copy.deepcopy(odd[int(rng.integers(len(odd)))])


def changed_json(content: bytes, rng: Rng) -> bytes:
    """Change JSON as JSON, and sometimes name an entry twice."""
    values = changed(json.loads(content), rng)
    try:
        text = json.dumps(values)
    except (RecursionError, ValueError):
        text = "[" * 100_000
    for raw in ODD:
        if isinstance(raw, str) and raw.startswith("@"):
            text = text.replace(f'"{raw}"', raw.strip("@"))
    if isinstance(values, dict) and values and rng.random() < 0.05:
        key = str(rng.choice(list(values)))
        text = f"{text[:-1]}, {json.dumps(key)}: {json.dumps(ODD[int(rng.integers(9))])}}}"
    return text.encode()


def changed_archive(content: bytes, rng: Rng) -> bytes:
    """Change the members of an archive of arrays, with checksums that hold."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = str(rng.choice(list(members)))
    how, options = rng.integers(8), {}
    if how == 0:
        del members[name]
    elif how == 1:
        members[str(rng.choice(list(members)))] = members[name]
    elif how == 2:
        options["compression"] = zipfile.ZIP_DEFLATED
        members[name] = _header((10**7,), "|u1") + bytes(10**7)
    elif how == 3:
        members[name] = damaged(members[name], rng)
    elif how == 4:
        shape = tuple(int(n) for n in rng.choice([0, 1, 3, 10**5, 2**40, -1], rng.integers(0, 4)))
        kind = str(rng.choice(["<f8", "<f4", ">f8", "<i8", "|u1", "|b1", "<c16", "|O", "<U5"]))
        members[name] = _header(shape, kind) + members[name][128:]
    elif how == 5 or name == "about.npy":
        text = changed_json(np.load(io.BytesIO(members["about.npy"])).tobytes(), rng)
        members["about.npy"] = _saved(np.frombuffer(text, np.uint8))
    else:
        members[name] = _saved(_other_numbers(np.load(io.BytesIO(members[name])), rng))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:  # type: ignore[arg-type]
        for key, member in members.items():
            archive.writestr(key, member)
        if rng.random() < 0.02:
            archive.writestr(f"{name}x", members.get(name, b""))
    return file.getvalue()


def _other_numbers(array: Any, rng: Rng) -> Any:
    array, how = array.copy(), rng.integers(4)
    if how == 0:
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, 0, -1, 1e308, 1e-320])
    elif how == 1:
        array *= rng.choice([0.0, -1.0, 1e200, 1e-200, 1e300])
    elif how == 2:
        array = array[:-1] if rng.random() < 0.5 else array.astype(np.float32)
    else:
        array = rng.permutation(array.ravel()).reshape(array.shape)
    return array


def _saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _header(shape: tuple[int, ...], kind: str) -> bytes:
    file = io.BytesIO()
    about = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


Mutation = Callable[[bytes, Rng], bytes]
