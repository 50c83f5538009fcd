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
from ddfnet_ros.bags.brackets import BracketFinder
from ddfnet_ros.bags.reading import BagError
from ddfnet_ros.bags.survey import survey
from ddfnet_ros.cli import parameter_file
from ddfnet_ros.images import ImageError, decode
from ddfnet_ros.metadata.fields import look_up, number
from ddfnet_ros.settings import NodeSettings


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


def test_the_repair_of_a_recording_that_was_cut_off_is_named(tmp_path):
    path = tmp_path / 'cut.mcap'
    path.write_bytes(bag_of('mcap', tmp_path)[:-200])
    with pytest.raises(BagError, match='copy it again, or try mcap recover'), BagReader(path):
        pass


def test_a_damaged_type_definition_is_one_line(tmp_path):
    whole = bag_of('mcap', tmp_path)
    path = tmp_path / 'damaged.mcap'
    path.write_bytes(whole.replace(b'std_msgs/Header header', b'std_msgs/Header\0header'))
    with pytest.raises(BagError, match='record or copy it again') as error, BagReader(path):
        pass
    assert '\n' not in str(error.value)


def test_a_type_that_is_made_of_unknown_ones_is_one_line(tmp_path):
    path = tmp_path / 'unknown.mcap'
    whole = bag_of('mcap', tmp_path)
    path.write_bytes(whole.replace(b'string name\n', b'stringua xx\n'))
    assert path.read_bytes() != whole
    with pytest.raises(BagError, match='record or copy it again'), BagReader(path) as bag:
        bag.describe_topics()


@pytest.mark.parametrize(('is_so', 'becomes'), [
    (b'string frame_id', b'string frame_ix'), (b'string encoding', b'string encodinx'),
    (b'uint32 height', b'string height')])
def test_a_bag_whose_images_have_other_fields_is_refused(tmp_path, is_so, becomes):
    path = tmp_path / 'other.mcap'
    whole = bag_of('mcap', tmp_path)
    path.write_bytes(whole.replace(is_so, becomes))
    assert path.read_bytes() != whole
    settings = NodeSettings(image_topics=('/image',), exposure_source='camera_ros')
    with BagReader(path) as bag:
        with pytest.raises(BagError, match=r'expected .* again'):
            list(map(bag.deserialise, bag.messages(['/image'])))
        finder = BracketFinder(path, bag, settings)
        assert list(finder.find()) == []
        assert 'again' in finder.complaints['/image']
    assert 'again' in survey(path).images[0].problem


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
    behind_rubbish = bytes(jpeg[:2]) + b'\xff\xff\xff\0rubbish' + bytes(jpeg[2:])
    for data in (bomb(30000, 30000), bytes(jpeg), behind_rubbish):
        with pytest.raises(ImageError, match='pixels in'):
            decode(data)


def tiff(order, *entries):
    """A TIFF that is only its directory: tag, type, count, value."""
    start = (b'II*\0' if order == '<' else b'MM\0*') + struct.pack(f'{order}IH', 8, len(entries))
    packed = [struct.pack(f'{order}HHI', tag, kind, count)
              + struct.pack(f'{order}{"I" if kind == 4 else "Hxx"}', value)
              for tag, kind, count, value in entries]
    return start + b''.join(packed) + bytes(4)


@pytest.mark.parametrize('data', [
    tiff('<', (256, 4, 1, 30000), (257, 4, 1, 30000)), tiff('>', (256, 3, 1, 30000), (
        257, 4, 1, 30000)), tiff('<', (256, 4, 2, 100), (257, 4, 1, 100)), tiff(
        '<', (256, 4, 1, 10), (256, 4, 1, 10**6), (257, 4, 1, 10**6)), tiff(
        '<', (256, 3, 1, 10), (257, 3, 1, 10), (322, 4, 1, 2**23), (323, 4, 1, 64)),
    b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n'],
    ids=['little endian', 'big endian', 'two widths', 'twice a width', 'a tile', 'hdr'])
def test_a_tiff_or_hdr_that_claims_to_be_huge_is_refused(data):
    with pytest.raises(ImageError, match=r'pixels in|damaged header'):
        decode(data)


def test_a_png_with_a_chunk_that_claims_gigabytes_is_refused():
    whole = cv2.imencode('.png', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for data in (whole[:33] + b'\x80\0\0\0tEXt' + whole[33:],
                 whole[:8] + whole[9:33] + b'\x8d\x2f\x8a\x3e' + whole[33:],
                 whole[:33] + b'\xb5\0\0IEND`'):  # too short for a chunk, long enough to claim one
        with pytest.raises(ImageError, match='damaged header'):
            decode(data)


def test_plain_maps_of_pixels_are_read_and_believed_as_little():
    whole = cv2.imencode('.ppm', np.zeros((8, 6, 3), np.uint8))[1].tobytes()
    assert decode(whole).shape == (8, 6, 3)
    for data in (b'P6 # 8\n30000 30000\n255\n', b'P5\n'):
        with pytest.raises(ImageError, match=r'pixels in|damaged header'):
            decode(data)


def test_what_is_no_picture_of_the_kinds_that_are_read_reaches_no_decoder():
    bitmap = cv2.imencode('.bmp', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for data in (bitmap, b'II+\0' + bytes(60), b''):  # the second is a TIFF of 64 bits
        with pytest.raises(ImageError, match='expected PNG'):
            decode(data)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.tiff', '.hdr'])
@pytest.mark.parametrize('channels', [1, 3])
def test_a_black_picture_is_no_bomb(suffix, channels):
    black = np.zeros((1080, 1920, channels), np.float32 if suffix == '.hdr' else np.uint8)
    best = {'.png': [cv2.IMWRITE_PNG_COMPRESSION, 9], '.jpg': [cv2.IMWRITE_JPEG_QUALITY, 1],
            '.tiff': [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW]}
    data = cv2.imencode(suffix, black, best.get(suffix, []))[1].tobytes()
    assert decode(data).shape[:2] == (1080, 1920)
