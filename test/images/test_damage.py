# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import cv2
import numpy as np
import OpenEXR
import pytest

from ddfnet_ros import images
from ddfnet_ros.images import ImageError

ROWS, COLUMNS = np.mgrid[0:200, 0:300]
PICTURE = np.stack([COLUMNS % 256, ROWS, ROWS * COLUMNS % 256], -1).astype(np.uint8)
KINDS = {
    'sequential.jpg': (), 'progressive.jpg': (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    'lzw.tif': (cv2.IMWRITE_TIFF_COMPRESSION, 5), 'deflate.tif': (cv2.IMWRITE_TIFF_COMPRESSION, 8)}


def encoded(name):
    return cv2.imencode(f'.{name[-3:]}', PICTURE, KINDS[name])[1].tobytes()


def overwritten(data, filler):
    middle = len(data) // 2
    return data[:middle] + filler + data[middle + len(filler):]


@pytest.mark.parametrize('name', KINDS)
@pytest.mark.parametrize('filler', [b'\0' * 60, b'\xff\xd0' * 30, bytes(range(11, 71))],
                         ids=['zeros', 'markers', 'others'])
def test_a_picture_damaged_in_the_middle_is_refused_in_silence(tmp_path, capfd, name, filler):
    path = tmp_path / name
    path.write_bytes(overwritten(encoded(name), filler))
    with pytest.raises(ImageError, match=f'{name}: expected a whole picture, got .*; copy it'):
        images.read_ldr(path)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('padding', [b'\x12\x34\x56', bytes(300), b'\x55' * 40],
                         ids=['few', 'zeros', 'equal'])
def test_what_cameras_leave_before_the_end_of_a_jpeg_is_no_damage(tmp_path, capfd, padding):
    whole = encoded('sequential.jpg')
    path = tmp_path / 'padded.jpg'
    path.write_bytes(whole[:-2] + padding + whole[-2:])
    np.testing.assert_array_equal(images.read_ldr(path), images.decode(whole))
    assert capfd.readouterr() == ('', '')


def test_nor_is_it_behind_a_thumbnail(tmp_path, capfd):
    whole, thumbnail = encoded('sequential.jpg'), cv2.imencode('.jpg', PICTURE[::8, ::8])[1]
    segment = b'Exif\0\0' + thumbnail.tobytes()
    segment = b'\xff\xe1' + (len(segment) + 2).to_bytes(2, 'big') + segment
    path = tmp_path / 'camera.jpg'
    path.write_bytes(whole[:2] + segment + whole[2:-2] + bytes(300) + whole[-2:])
    np.testing.assert_array_equal(images.read_ldr(path), images.decode(whole))
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('name', KINDS)
def test_damage_is_seen_though_opencv_is_silent_and_stderr_closed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(overwritten(encoded(name), bytes(range(11, 71))))
    read = ('import os; os.close(2)\nimport cv2\nfrom ddfnet_ros import images\n'
            'cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)\n'
            f'try: images.read_ldr({str(path)!r})\n'
            'except images.ImageError as error: print(error)\n')
    done = subprocess.run([sys.executable, '-c', read], capture_output=True, text=True, check=True)
    assert 'expected a whole picture' in done.stdout


def test_a_damaged_exr_is_refused_in_silence(tmp_path, capfd):
    path = tmp_path / 'damaged.exr'
    OpenEXR.File({'compression': OpenEXR.ZIP_COMPRESSION, 'type': OpenEXR.scanlineimage},
                 {'RGB': PICTURE.astype(np.float32)}).write(str(path))
    path.write_bytes(overwritten(path.read_bytes(), b'\7' * 60))
    with pytest.raises(ImageError, match='expected a whole EXR file'):
        images.read_exr(path)
    assert capfd.readouterr() == ('', '')


def test_files_are_read_where_stderr_is_closed(tmp_path):
    path = tmp_path / 'picture.png'
    images.write_png(path, PICTURE)
    read = ('import os; from ddfnet_ros import images; os.close(2); '
            f'print(images.read_ldr({str(path)!r}).shape)')
    done = subprocess.run([sys.executable, '-c', read], capture_output=True, text=True, check=True)
    assert done.stdout == '(200, 300, 3)\n'
