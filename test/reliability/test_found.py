# SPDX-License-Identifier: Apache-2.0
"""What `make fuzz` found once, smallest cases, and must never be again."""

import json
import struct
import zlib

import cv2
import numpy as np
import pytest
import torch

from benchmark.fuzz_bags import bag_of
from ddfnet_ros import weights
from ddfnet_ros.bags import BagReader
from ddfnet_ros.bags.reading import BagError
from ddfnet_ros.cli import parameter_file
from ddfnet_ros.images import ImageError, decode
from ddfnet_ros.metadata.fields import look_up, number


@pytest.mark.parametrize('text', ['[' * 10**5, '{"a":' * 10**4, json.dumps({'a': 10**400})])
def test_json_too_deep_or_too_large_for_a_number_is_refused(text):
    with pytest.raises(ValueError, match='expected') as error:
        number(look_up({'json': text}, 'json.a'), 'json.a')
    assert len(str(error.value)) < 500


def test_a_long_text_is_quoted_in_part_only():
    with pytest.raises(ValueError, match='expected a number') as error:
        number('9' * 10**5 + 'x', 'exposure')
    assert len(str(error.value)) < 200


@pytest.mark.parametrize('value', ['null', 'fast', '[1.0]', 'true', '{a: 1}', '2000-01-01'])
def test_a_parameter_of_another_type_is_named_with_its_file(tmp_path, value):
    path = tmp_path / 'fuse.yaml'
    path.write_text(f'/**: {{ros__parameters: {{mu: {value}}}}}')
    with pytest.raises(ValueError, match=r'fuse\.yaml: expected mu to be float'):
        parameter_file.read(path)


@pytest.mark.parametrize('text', ['[' * 5000, '/**: {ros__parameters: {mu: 2000-99-99}}',
                                  '/**: {ros__parameters: {1: 2}}'])
def test_yaml_that_is_no_parameter_file_is_one_line(tmp_path, text):
    path = tmp_path / 'fuse.yaml'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'fuse\.yaml: expected') as error:
        parameter_file.read(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('config', [
    None, [], 'fast', {'architecture': []}, {'architecture': 'fast', 'channels': 10**9},
    {'architecture': 'fast', 'blocks': 10**9}, {'architecture': 'fast', 'channels': 'wide'},
    {'architecture': 'fast', 'channels': -1}])
def test_a_config_of_any_kind_is_refused_before_it_takes_memory(tmp_path, config):
    path = tmp_path / f'model{weights.SUFFIX}'
    tensors = {'a': torch.zeros(1)}
    weights.write(tensors, path, {'config': json.dumps(config), 'card': '{}',
                                  'sha256': weights.checksum(tensors)})
    with pytest.raises(weights.WeightsError, match='copy the file again'):
        weights.load(path)


@pytest.mark.parametrize('size', [2**62, 2**63 + 1])
def test_a_record_of_a_bag_that_claims_more_than_all_memory_is_refused(tmp_path, size):
    whole = bag_of('mcap', tmp_path)
    path = tmp_path / 'claims.mcap'
    path.write_bytes(whole[:9] + struct.pack('<Q', size) + whole[17:-30])
    with pytest.raises(BagError, match='record or copy it again'), BagReader(path):
        pass


def test_a_damaged_type_definition_is_one_line(tmp_path):
    whole = bag_of('mcap', tmp_path)
    path = tmp_path / 'damaged.mcap'
    path.write_bytes(whole.replace(b'std_msgs/Header header', b'std_msgs/Header\0header'))
    with pytest.raises(BagError, match='record or copy it again') as error, BagReader(path):
        pass
    assert '\n' not in str(error.value)


def test_a_bag_whose_images_have_other_fields_is_refused(tmp_path):
    path = tmp_path / 'other.mcap'
    path.write_bytes(bag_of('mcap', tmp_path).replace(b'string frame_id', b'string frame_ix'))
    with pytest.raises(BagError, match='record or copy it again'), BagReader(path) as bag:
        list(bag.frames())


def test_a_damaged_page_of_sqlite_is_refused(tmp_path):
    content = bytearray(bag_of('db3', tmp_path))
    content[100:140] = b'\xff' * 40  # behind the header, what the first page holds
    path = tmp_path / 'damaged.db3'
    path.write_bytes(content)
    with pytest.raises(BagError, match='record or copy it again'), BagReader(path):
        pass


def bomb(width, height):
    """A PNG of a few bytes that claims to be as large as that."""
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(
        b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b'')


def test_a_small_file_that_claims_to_be_a_huge_picture_is_refused():
    jpeg = bytearray(cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    place = jpeg.index(b'\xff\xc0') + 5
    jpeg[place:place + 4] = struct.pack('>HH', 60000, 60000)
    for data in (bomb(30000, 30000), bytes(jpeg)):
        with pytest.raises(ImageError, match='pixels in'):
            decode(data)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@pytest.mark.parametrize('channels', [1, 3])
def test_a_black_picture_is_no_bomb(suffix, channels):
    black = np.zeros((1080, 1920, channels), np.uint8)
    best = [cv2.IMWRITE_PNG_COMPRESSION, 9] if suffix == '.png' else [cv2.IMWRITE_JPEG_QUALITY, 1]
    data = cv2.imencode(suffix, black, best)[1].tobytes()
    assert decode(data).shape[:2] == (1080, 1920)
