# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from ddfnet_ros import weights
from ddfnet_ros.cli import main
from ddfnet_ros.images import read_exr, read_ldr, write_exr

RATIOS = (1, 4, 16)
pytestmark = pytest.mark.usefixtures('chosen')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """short.png, mid.png and long.png of one still scene, in the current folder."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[0:45, 0:61]
    truth = np.stack([x / 70, y / 50, np.full_like(x, 0.1, float)], -1)
    for name, ratio in zip(('short', 'mid', 'long'), RATIOS, strict=True):
        save(f'{name}.png', truth * ratio)
    return tmp_path


def save(path, linear):
    pixels = np.round(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    cv2.imwrite(str(path), pixels[..., ::-1])


def fuse(line, capsys):
    """Exit status and what was said on stderr."""
    status = main(['fuse', *line.split()])
    return status, capsys.readouterr().err


def test_radiance_and_picture_are_written(folder, capsys):
    status, said = fuse('short.png mid.png long.png --exposure-times 1 4 16 --output out.exr '
                        '--tonemapped out.png', capsys)
    assert (status, said) == (0, '')
    radiance, picture = read_exr('out.exr'), read_ldr('out.png')
    assert radiance.shape == picture.shape == (45, 61, 3)
    assert 0 <= radiance.min() <= radiance.max() <= 1.1  # at the short frame's scale
    assert picture.dtype == np.uint8


def test_json_is_one_object_and_all_of_stdout(folder, capsys):
    words = 'fuse short.png mid.png long.png --exposure-times 4 16 64 --output a.exr --json'
    assert main(words.split()) == 0
    about = json.loads(capsys.readouterr().out)
    assert about.pop('stage_ms').keys() == {'prepare', 'flow', 'network', 'finish'}
    assert about == {'output': 'a.exr', 'tonemapped': None, 'exposures': [4, 16, 64],
                     'reference': 2, 'model': 'fast', 'device': 'cpu'}


def test_order_of_the_files_is_free(folder, capsys):
    fuse('short.png mid.png long.png --exposure-times 1 4 16 --output a.exr', capsys)
    fuse('long.png short.png mid.png --exposure-times 16 1 4 --output b.exr', capsys)
    np.testing.assert_array_equal(read_exr('a.exr'), read_exr('b.exr'))


def test_times_that_cannot_be_the_files_are_told_but_taken(folder, capsys):
    words = 'short.png mid.png long.png --exposure-times 16 4 1 --output a.exr'
    status, said = fuse(words, capsys)
    assert status == 0
    assert 'warning: expected mid.png (4) to be brighter than long.png (1), got' in said
    assert said.count('\n') == 1


def test_times_in_seconds_give_the_unit_of_eq_2(folder, capsys):
    files = 'short.png mid.png long.png'
    fuse(f'{files} --exposure-times 1 4 16 --output relative.exr', capsys)
    fuse(f'{files} --exposure-times 1/1000 0.004 16e-3 --output seconds.exr', capsys)
    np.testing.assert_allclose(read_exr('seconds.exr'), read_exr('relative.exr') * 1000, rtol=1e-3)


def test_reference_counts_from_one_after_sorting(folder, capsys):
    moved = read_ldr('long.png')[:, ::-1]
    cv2.imwrite('long.png', moved[..., ::-1])
    line = 'long.png mid.png short.png --exposure-times 16 4 1 --output {}.exr --reference {}'
    for name, reference in (('median', 2), ('longest', 3)):
        assert fuse(line.format(name, reference), capsys)[0] == 0
    fuse('long.png mid.png short.png --exposure-times 16 4 1 --output default.exr', capsys)
    np.testing.assert_array_equal(read_exr('median.exr'), read_exr('default.exr'))
    assert not np.allclose(read_exr('median.exr'), read_exr('longest.exr'), atol=0.05)


def test_response_matters(folder, capsys):
    line = 'short.png mid.png long.png --exposure-times 1 4 16 --output {0}.exr --response {0}'
    for response in ('gamma', 'linear'):
        fuse(line.format(response), capsys)
    assert read_exr('linear.exr').mean() > 1.3 * read_exr('gamma.exr').mean()


def photographs(*times):
    """Short, middle and long, with these exposure times and ISO 200 in their EXIF data."""
    for name, time in zip(('short', 'mid', 'long'), times, strict=True):
        exif = Image.Exif()
        exif.get_ifd(0x8769).update({33434: IFDRational(*time), 34855: 200})
        Image.open(f'{name}.png').save(f'{name}.jpg', exif=exif)


def test_times_come_from_exif_when_the_option_is_absent(folder, capsys):
    photographs((1, 1000), (1, 250), (2, 125))
    assert fuse('short.jpg mid.jpg long.jpg --output exif.exr', capsys) == (0, '')
    # ISO 200 is a gain of 2.
    fuse('short.jpg mid.jpg long.jpg --exposure-times 0.002 0.008 0.032 --output given.exr',
         capsys)
    np.testing.assert_allclose(read_exr('exif.exr'), read_exr('given.exr'), rtol=1e-4)


def test_estimated_times_are_close_and_it_says_how_sure(folder, capsys):
    status, said = fuse('mid.png long.png short.png --exposure-times auto --output auto.exr',
                        capsys)
    assert status == 0
    estimated = said.partition('exposures ')[2].partition(':')[0].split()
    assert [float(e) for e in estimated] == pytest.approx([4, 16, 1], rel=0.03)
    assert '% of the pixels agree' in said
    fuse('short.png mid.png long.png --exposure-times 1 4 16 --output given.exr', capsys)
    np.testing.assert_allclose(read_exr('auto.exr'), read_exr('given.exr'), atol=0.03)


def test_an_unsure_estimate_names_what_the_files_say(folder, capsys):
    dimmed = read_ldr('mid.png') * np.linspace(0.4, 1, 45)[:, None, None]  # no exposure does that
    cv2.imwrite('mid.png', dimmed[..., ::-1])
    line = 'short.{0} mid.{0} long.{0} --exposure-times auto --output auto.exr'
    assert 'name the times' in fuse(line.format('png'), capsys)[1]
    photographs((1, 1000), (1, 250), (2, 125))
    said = fuse(line.format('jpg'), capsys)[1]
    assert 'leave --exposure-times out: the EXIF data have 0.001 0.004 0.016' in said


def test_grey_files_are_fused(folder, capsys):
    for name in ('short', 'mid', 'long'):
        cv2.imwrite(f'{name}_grey.png', read_ldr(f'{name}.png')[..., 0])
    status, _ = fuse('short_grey.png mid_grey.png long_grey.png --exposure-times 1 4 16 '
                     '--output grey.exr --tonemapped grey.png', capsys)
    assert status == 0
    radiance = read_exr('grey.exr')
    np.testing.assert_array_equal(radiance[..., 0], radiance[..., 2])


def damage(folder):
    """Files that are wrong in one way each."""
    whole = (folder / 'mid.png').read_bytes()
    (folder / 'cut.png').write_bytes(whole[: len(whole) // 2])
    (folder / 'text.png').write_text('no picture')
    save(folder / 'small.png', np.full((9, 9, 3), 0.2))
    nan = np.full((45, 61, 3), np.nan, np.float32)
    write_exr(folder / 'nan.exr', nan)
    write_exr(folder / 'bright.exr', np.linspace(0, 255, 45 * 61 * 3, dtype=np.float32)
              .reshape(45, 61, 3))
    write_exr(folder / 'fine.exr', np.full((45, 61, 3), 0.5, np.float32))
    blob = bytearray(weights.find('fast').read_bytes())
    blob[-1] ^= 1
    (folder / 'flipped.safetensors').write_bytes(blob)
    (folder / 'bag').mkdir()
    (folder / 'bag/metadata.yaml').touch()
    (folder / 'cut.safetensors').write_bytes(blob[: len(blob) // 2])


@pytest.mark.parametrize(('line', 'said'), [
    ('short.png cut.png --exposure-times 1 4', 'cut.png: expected a whole image'),
    ('short.png text.png --exposure-times 1 4', 'text.png: expected PNG'),
    ('short.png gone.png --exposure-times 1 4', 'gone.png: no such file'),
    ('short.png --exposure-times 1', 'expected 2 to 9 image files, got 1'),
    ('--exposure-times 1 4', 'expected 2 to 9 image files, got 0'),
    ('--exposure-times 1 4 short.png mid.png', 'put the files before it, or -- between'),
    ('no_match*.png --exposure-times 1 4', 'no_match*.png: no such file or directory; check'),
    ('bag short.png --exposure-times 1 4', 'expected image files, got the bag bag; give it alone'),
    ('. --exposure-times 1 4', 'expected image files, got the folder .; name ./*.png'),
    ('short.png mid.png --exposure-times 1,4', 'with blanks between, such as 1 4 16'),
    ('short.png mid.png --exposure-times 4 4', 'expected different exposures, got 4 s twice'),
    ('short.png mid.png --exposure-times 0 4', "expected seconds > 0 or auto, got '0'"),
    ('short.png mid.png --exposure-times 1 -4', "expected seconds > 0 or auto, got '-4'"),
    ('short.png mid.png --exposure-times 1 nan', "expected seconds > 0 or auto, got 'nan'"),
    ('short.png mid.png --exposure-times 1 soon', "expected seconds > 0 or auto, got 'soon'"),
    ('short.png mid.png --exposure-times 1 1/0', "expected seconds > 0 or auto, got '1/0'"),
    *((f'short.png mid.png --exposure-times 1 {word}', f"seconds > 0 or auto, got '{word}'")
      for word in ('inf', '1e400', '1e99999999', f'{10**400}/1')),
    ('short.png mid.png --exposure-times 1 4 16', 'expected 2 exposure times'),
    ('short.png mid.png --exposure-times 1 1e300', 'expected exposures'),
    ('short.png mid.png', 'short.png: expected an exposure time in its EXIF data'),
    ('short.png short.png --exposure-times auto', 'expected different exposures'),
    ('short.png small.png --exposure-times 1 4', 'expected frames alike'),
    ('short.png fine.exr --exposure-times 1 4', 'expected frames alike'),
    ('nan.exr fine.exr --exposure-times 1 4', 'nan.exr: expected finite pixels'),
    ('fine.exr bright.exr --exposure-times 1 4',
     'bright.exr: expected float pixels of 0 to 1, got 0 to 255; divide them by their white'),
    ('short.png mid.png --exposure-times 1 4 --reference 3', 'expected a reference from 1 to 2'),
    ('short.png mid.png --exposure-times 1 4 --response log', "srgb, bt709, linear, got 'log'"),
    ('short.png mid.png --exposure-times 1 4 --tone-map x', '--tone-map: expected one of mu'),
    ('short.png mid.png --exposure-times 1 4 --model best', "got 'best'"),
    ('short.png mid.png --exposure-times 1 4 --model best', 'fast'),
    ('short.png mid.png --exposure-times 1 4 --model no.safetensors', 'no.safetensors'),
    ('short.png mid.png --exposure-times 1 4 --model ~nobody_at_all/a.safetensors',
     'expected a weights file, got no ~nobody_at_all/a.safetensors'),
    ('short.png mid.png --exposure-times 1 4 --model flipped.safetensors', 'sha256'),
    ('short.png mid.png --exposure-times 1 4 --model cut.safetensors', 'cut.safetensors'),
    ('short.png mid.png --exposure-times 1 4 --device tpu', 'expected auto, cpu, cuda'),
    ('short.png mid.png --exposure-times 1 4 --device cuda:99', 'use cpu or auto'),
    ('short.png mid.png --exposure-times 1 4 --gamma 99', '--gamma: expected 1.0 to 4.0, got 99'),
    ('short.png mid.png --exposure-times 1 4 --gamma high', '--gamma'),
    ('short.png mid.png --exposure-times 1 4 --nonsense', '--nonsense'),
    ('short.png mid.png --exposure-times 1 4 --tonemapped a/b.png', 'create it'),
    ('short.png mid.png --exposure-times 1 4 --tonemapped out.jpg', 'ends in .png'),
])
def test_bad_input_gets_one_line_and_status_2(folder, capsys, line, said):
    damage(folder)
    status, err = fuse(f'{line} --output out.exr', capsys)
    assert status == 2
    assert said in err
    assert err.count('\n') == 1
    assert err.startswith('ddfnet: ')
    assert not (folder / 'out.exr').exists()


@pytest.mark.parametrize(('output', 'said'), [
    ('nowhere/out.exr', 'create it'),
    ('out.png', 'ends in .exr'),
    ('folder.exr', 'a folder; choose another path'),
])
def test_output_that_cannot_be_written_is_found_before_the_work(folder, capsys, output, said):
    (folder / 'folder.exr').mkdir()
    status, err = fuse(f'short.png mid.png --exposure-times 1 4 --output {output}', capsys)
    assert status == 2
    assert said in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('result', ['--output a.exr --tonemapped same/short.png',
                                    '--output same/a.exr'])
def test_a_frame_is_not_replaced_by_a_result(folder, capsys, result):
    (folder / 'same').symlink_to(folder)
    for name in 'ab':
        write_exr(folder / f'{name}.exr', np.full((45, 61, 3), 0.5, np.float32))
    files = 'short.png mid.png' if 'png' in result else 'a.exr b.exr'
    before = [(folder / name).read_bytes() for name in ('short.png', 'a.exr')]
    status, err = fuse(f'{files} --exposure-times 1 4 {result}', capsys)
    assert (status, err.count('\n')) == (2, 1)
    assert 'expected a result beside the frames, got same/' in err
    assert [(folder / name).read_bytes() for name in ('short.png', 'a.exr')] == before


def test_command_in_a_process_of_its_own(folder):
    (folder / 'cut.png').write_bytes((folder / 'mid.png').read_bytes()[:200])
    code = 'import sys; from ddfnet_ros.cli import main; sys.exit(main())'
    done = subprocess.run(
        [sys.executable, '-c', code, 'fuse', 'short.png', 'cut.png', '--exposure-times', '1', '4',
         '--output', 'out.exr'],
        capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1
    assert 'cut.png' in done.stderr
