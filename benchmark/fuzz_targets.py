# SPDX-License-Identifier: Apache-2.0
"""Fuzz targets: every kind of input from outside, in broken form, and the check of its handling.

A target is a Hypothesis strategy and a check. The check returns if the input is accepted, or
refused with a message of one line. It raises on any other exception, and on an empty message or
one of several lines. `benchmark.fuzz` runs the targets in full, `test/reliability/test_fuzz.py`
briefly.
"""

from __future__ import annotations

import functools
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image as Picture

from benchmark.fuzz_bags import bag_of
from ddfnet_ros import weights
from ddfnet_ros.bags import BagReader
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.cli import parameter_file
from ddfnet_ros.images import decode, read_exposure_time, read_exr, read_gain, read_ldr, write_exr
from ddfnet_ros.metadata.fields import counter, look_up, number
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.settings import NodeSettings

LONGEST_LINE = 2000  # allowed characters of an error message
ENCODINGS = ('mono8', 'mono16', 'rgb8', 'bgr8', 'rgba16', 'bgra8', '32FC1', '32FC3', '16UC4',
              'bayer_rggb8', 'bayer_grbg16', 'uyvy', 'yuyv', 'nv12', 'nv21', 'yuv422', 'jpeg', '')
PATHS = ('exposure', 'values.0', 'values.exposure.value', 'a.b.c', '0.0.0', 'values.key')
FORMATS = ('png', 'jpeg', 'bayer_rggb8; png compressed ', 'bayer_grbg16; tiff',
           '16UC1; compressedDepth', '')
_SUFFIXES = ('mcap', 'db3', 'bag')


class UnclearError(Exception):
    """An input was refused without a readable message of one line."""


class Target(NamedTuple):
    """A strategy of inputs, and the check that handles one of them."""

    strategy: st.SearchStrategy[Any]
    check: Callable[[Any], None]


def refuse_clearly(
    call: Callable[[], Any], refusals: tuple[type[Exception], ...] = (ValueError,)
) -> Any:
    """Call a function; returns None if it raises a refusal with a message of one line.

    Raises:
        UnclearError: the message is empty, too long, or has several lines.
    """
    try:
        return call()
    except refusals as error:
        text = str(error)
        if not text or '\n' in text or len(text) > LONGEST_LINE:
            raise UnclearError(f'{type(error).__name__}: {text[:200]!r}') from error
        return None


@st.composite
def damaged(draw: st.DrawFn, make_seeds: Callable[[], dict[str, bytes]]) -> tuple[str, bytes]:
    """A valid file with bytes changed, removed or inserted, mostly near its beginning."""
    seeds = make_seeds()
    name = draw(st.sampled_from(sorted(seeds)))
    content = bytearray(seeds[name])
    near = st.integers(0, min(len(content) - 1, 400))
    places = draw(st.lists(near | st.integers(0, len(content) - 1), max_size=6))
    for place in places:
        content[place:place + 1] = draw(
            st.binary(min_size=1, max_size=1) | st.sampled_from((b'', b'\xff' * 4, b'\0' * 8)))
        content = content or bytearray(b'\0')
    kept = draw(st.none() | st.integers(0, len(content)))
    return name, bytes(content[:kept])


@functools.lru_cache(maxsize=1)
def pictures() -> dict[str, bytes]:
    """Small valid picture files of every kind, JPEG and PNG with EXIF."""
    pixels = np.random.default_rng(1).integers(0, 256, (9, 14, 3), np.uint8)
    files = {f'.{kind}': cv2.imencode(f'.{kind}', pixels)[1].tobytes()
            for kind in ('png', 'tiff', 'jpg')}
    files['.hdr'] = cv2.imencode('.hdr', pixels.astype(np.float32) / 255)[1].tobytes()
    exif = Picture.Exif()
    exif.get_ifd(0x8769).update({33434: (1, 250), 34855: 200})
    for name, kind in (('.jpeg', 'JPEG'), ('_exif.png', 'PNG')):
        file = io.BytesIO()
        Picture.fromarray(pixels).save(file, kind, exif=exif)
        files[name] = file.getvalue()
    path = _scratch() / 'whole.exr'
    write_exr(path, pixels.astype(np.float32))
    files['.exr'] = path.read_bytes()
    return files


@functools.lru_cache(maxsize=1)
def bags() -> dict[str, bytes]:
    """A small valid bag of every kind."""
    return {suffix: bag_of(suffix, _scratch()) for suffix in _SUFFIXES}


@functools.lru_cache(maxsize=1)
def weights_files() -> dict[str, bytes]:
    """A small valid weights file."""
    path = _scratch() / f'whole{weights.SUFFIX}'
    torch.manual_seed(1)
    weights.save(FastFusion(FastConfig(channels=4, context=4, blocks=1)), path, {})
    return {weights.SUFFIX: path.read_bytes()}


@functools.lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix='ddfnet_fuzz_')


def _scratch() -> Path:
    """Folder that is deleted when the process ends."""
    return Path(_folder().name)


def _write_file(content: bytes, suffix: str) -> Path:
    path = _scratch() / f'case{suffix}'
    path.write_bytes(content)
    return path


_SIZES = st.integers(0, 12) | st.sampled_from((2**16, 2**31, 2**32 - 1))
_IMAGE = st.fixed_dictionaries({
    'height': _SIZES, 'width': _SIZES, 'step': _SIZES | st.integers(0, 200),
    'encoding': st.sampled_from(ENCODINGS) | st.text(
        st.characters(codec='utf-8', exclude_characters='\0'), max_size=9),
    'is_bigendian': st.integers(0, 255), 'data': st.binary(max_size=600),
})


def check_image(fields: dict[str, Any]) -> None:
    """An Image with any fields becomes a Frame no larger than its bytes, or is refused."""
    from sensor_msgs.msg import Image

    from ddfnet_ros.node.messages import frame_from

    frame = refuse_clearly(lambda: frame_from(Image(**fields), significant_bits=12)
                           if fields['step'] % 2 else frame_from(Image(**fields)))
    if frame is not None and frame.pixels.nbytes > 6 * len(fields['data']):
        raise UnclearError(f'{frame.pixels.nbytes} bytes of pixels from {len(fields["data"])}')


def check_compressed(case: tuple[str, tuple[str, bytes]]) -> None:
    """A CompressedImage of any format and bytes becomes a Frame, or is refused."""
    from sensor_msgs.msg import CompressedImage

    from ddfnet_ros.node.messages import frame_from

    format_, (_, content) = case
    refuse_clearly(lambda: frame_from(CompressedImage(format=format_, data=content)))


def check_picture(case: tuple[str, bytes]) -> None:
    """A picture file gives pixels, exposure and gain, or is refused."""
    suffix, content = case
    path = _write_file(content, suffix)
    refuse_clearly(lambda: decode(content))
    for read in (read_ldr, read_exr, read_exposure_time, read_gain):
        refuse_clearly(functools.partial(read, path), (ValueError, OSError))


def check_metadata(case: tuple[str, str, int]) -> None:
    """Looking up a path in a text, JSON or not, gives a number or counter, or is refused."""
    path, text, times = case
    text *= times
    for read in (number, counter):
        refuse_clearly(lambda read=read: read(look_up({'values': text, 'exposure': text}, path),
                                              path))
        refuse_clearly(lambda read=read: read(look_up(text, path), path))


def check_parameters(case: tuple[str, int]) -> None:
    """A parameter file gives settings, or is refused."""
    text, times = case
    text *= times
    path = _scratch() / 'case.yaml'
    path.write_text(text, encoding='utf-8', errors='surrogatepass')
    refuse_clearly(lambda: NodeSettings(**parameter_file.read(path)))


def check_weights(case: tuple[str, bytes]) -> None:
    """A weights file gives the saved model, or is refused."""
    suffix, content = case
    refuse_clearly(lambda: weights.load(_write_file(content, suffix)))


def check_config(case: tuple[Any, Any]) -> None:
    """A valid weights file with any config gives a model, or is refused."""
    config, card = case
    tensors = {'a': torch.zeros(1)}
    path = _scratch() / f'config{weights.SUFFIX}'
    weights.write(tensors, path, {'config': json.dumps(config), 'card': json.dumps(card),
                                  'sha256': weights.checksum(tensors)})
    refuse_clearly(lambda: weights.load(path))


_BAG_SETTINGS = NodeSettings(image_topics=('/image',), exposure_source='camera_ros')


def check_bag(case: tuple[str, bytes]) -> None:
    """A bag gives messages, brackets and suggested settings, or is refused."""
    suffix, content = case
    refuse_clearly(lambda: _read_bag(_write_file(content, f'.{suffix}')))


def _read_bag(path: Path) -> None:
    with BagReader(path) as bag:
        bag.describe_topics()
        for message in bag.messages():
            refuse_clearly(functools.partial(bag.deserialise, message))
        refuse_clearly(lambda: list(BracketFinder(path, bag, _BAG_SETTINGS).find()))
    refuse_clearly(lambda: survey(path))


_LEAVES = (st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
           | st.sampled_from((10**400, 10**9, '9' * 400, 'nan', '1e999')))
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(('exposure', 'values', 'key', 'value', 'a', 'b')), inner, max_size=4))
_TEXT = (st.builds(json.dumps, _JSON) | st.text(max_size=30) | st.sampled_from(
    ('[', '{"exposure":', '"\\ud800"', '{"exposure": 1e400}')))
_TIMES = st.sampled_from((1, 1, 1, 1, 10**4))  # repetitions of a text, for deep nesting
_NAMES = st.sampled_from((*NodeSettings.__dataclass_fields__, 'use_sim_time', '1', 'null'))
_VALUES = _LEAVES | st.lists(_LEAVES, max_size=3) | st.dictionaries(st.text(max_size=3), _LEAVES)
_YAML = (st.builds(json.dumps, st.fixed_dictionaries({'/**': st.fixed_dictionaries(
            {'ros__parameters': st.dictionaries(_NAMES, _VALUES, max_size=5)})}))
         | st.text(max_size=40) | st.sampled_from(
             ('[', '2000-99-99', '/**: {ros__parameters: {1: 2}}', '{? [a]: b}', '&a [*a]',
              '/**: {ros__parameters: {mu: 2000-01-01, [1]: 2}}', '!!python/object:os.system x')))
_CONFIG = st.fixed_dictionaries(
    {'architecture': st.sampled_from(('fast', 'ddfnet', 'pwcnet', 'ahdrnet', 'deephdr')) | _JSON},
    optional={name: _LEAVES | st.integers(-2, 64) for name in
              ('channels', 'context', 'blocks', 'radius', 'frames', 'layers')}) | _JSON

TARGETS = {
    'image': Target(_IMAGE, check_image),
    'compressed': Target(st.tuples(st.sampled_from(FORMATS), damaged(pictures)), check_compressed),
    'picture': Target(damaged(pictures), check_picture),
    'metadata': Target(st.tuples(st.sampled_from(PATHS), _TEXT, _TIMES), check_metadata),
    'parameters': Target(st.tuples(_YAML, st.sampled_from((1, 1, 1, 300))), check_parameters),
    'weights': Target(damaged(weights_files), check_weights),
    'config': Target(st.tuples(_CONFIG, _JSON), check_config),
    'bag': Target(damaged(bags), check_bag),
}
