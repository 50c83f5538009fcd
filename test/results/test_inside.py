# SPDX-License-Identifier: Apache-2.0
import dataclasses

import cv2
import numpy as np
import pytest

# 170 MB, for one verb only: not among the requirements of the tests.
pytest.importorskip('rerun', reason='needs ddfnet_ros[view]')

from rerun.chunk import RrdReader

from ddfnet_ros.results.inside import InsideRecording
from ddfnet_ros.results.pictures import colour_wheel
from ddfnet_ros.settings import NodeSettings


@pytest.fixture
def recorded(tmp_path):
    """Writes results and reads them back: for each entity its columns, one value per bracket."""
    def record(*results):
        path = tmp_path / 'inside.rrd'
        with InsideRecording(path, NodeSettings()) as recording:
            for result in results:
                recording.add(result)
        columns = {}
        # A store needs the file's footer, so the file has to be complete.
        for chunk in RrdReader(path).store().stream():
            found = columns.setdefault(chunk.entity_path, {})
            for name, values in content(chunk):
                found.setdefault(name, []).extend(values)
        return columns

    return record


def content(chunk):
    """Name and values of each column; times as nanoseconds."""
    batch = chunk.to_record_batch()
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        is_time = str(column.type).startswith('timestamp')
        yield name, (column.cast('int64') if is_time else column).to_pylist()


def picture(entity, bracket=0):
    encoded = np.frombuffer(bytes(entity['EncodedImage:blob'][bracket][0]), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)[..., ::-1]


def bars(entity):
    """Values by the middle of their bin [EV]."""
    middles, values = (entity[f'BarChart:{name}'][0][0]['buffer']
                       for name in ('abscissa', 'values'))
    return dict(zip(middles, values, strict=True))


def test_every_bracket_lies_on_the_time_line_with_its_stamp(recorded, deghosted):
    later = deghosted(interval_ns=2 * 10**7)
    columns = recorded(deghosted(), later)
    entity = columns['/fused/image']
    assert entity['bracket'] == [1, 2]
    assert entity['stamp'] == [1_010_000_000, later.bracket.reference.stamp_ns]


def test_pictures_are_those_of_the_frames_and_of_the_result(recorded, deghosted):
    motion = np.zeros((2, 40, 48, 2), np.float32)
    motion[1, :20, :, 0] = 16.0
    result = deghosted(motion=motion)
    columns = recorded(result)
    for place, frame in enumerate(result.bracket.frames, 1):
        np.testing.assert_array_equal(picture(columns[f'/frames/{place}']), frame.pixels)
    np.testing.assert_array_equal(picture(columns['/fused/image']), result.image)
    assert (picture(columns['/motion/1']) == 255).all()  # stands still
    np.testing.assert_array_equal(picture(columns['/motion/3']), colour_wheel(motion[1]))
    assert '/motion/2' not in columns  # the reference


def test_radiance_is_relative_to_where_the_shortest_exposure_clips(recorded, deghosted):
    entity = recorded(deghosted())['/fused/radiance']
    values = np.frombuffer(bytes(entity['Image:buffer'][0][0]), np.float16)
    assert values.size == 40 * 48 * 3
    assert (values == 0.25).all()


def test_histograms_are_on_one_scale_and_add_up(recorded, deghosted):
    result = deghosted()  # grey levels of 40, 80 and 120; radiance two EV below white
    columns = recorded(result)
    assert bars(columns['/histograms/fused'])[-1.75] == 100  # from -2 to -1.5
    for place, (frame, ratio) in enumerate(zip(result.bracket.frames, (1, 4, 16), strict=True), 1):
        stops = np.log2((frame.pixels[0, 0, 0] / 255) ** 2.2 / ratio)
        found = bars(columns[f'/histograms/frame_{place}'])
        assert found[np.floor(stops * 2) / 2 + 0.25] == pytest.approx(100)
        assert sum(found.values()) == pytest.approx(100)


def test_black_counts_as_the_darkest(recorded, deghosted):
    result = deghosted(radiance=np.zeros((40, 48, 3), np.float32))
    assert bars(recorded(result)['/histograms/fused'])[-15.75] == 100


def test_curves_tell_times_exposures_and_shares(recorded, deghosted):
    motion = np.zeros((2, 40, 48, 2), np.float32)
    motion[:, :10] = 3.0
    columns = recorded(deghosted(motion=motion))

    def curve(name):
        return columns[name]['Scalars:scalars'][0][0]

    assert curve('/milliseconds/network') == 1.5
    assert [curve(f'/exposures/{place}') for place in (1, 2, 3)] == [0.001, 0.004, 0.016]
    assert curve('/shares/moving') == pytest.approx(0.25)
    assert curve('/shares/clipped_before') == curve('/shares/clipped_after') == 0


def test_a_network_without_weights_has_no_picture_of_them(recorded, deghosted):
    def none():
        raise ValueError('no weights')

    assert '/reference_share' in recorded(deghosted())
    assert '/reference_share' not in recorded(
        dataclasses.replace(deghosted(), shares=none))


@pytest.mark.parametrize('dtype', ['uint16', 'float32'])
def test_pixels_of_every_type_are_shown_in_8_bits(recorded, deghosted, dtype):
    top = {'uint16': 65535, 'float32': 1}[dtype]
    result = deghosted(dtype=np.dtype(dtype))
    for k, frame in enumerate(result.bracket.frames):
        frame.pixels[:] = top * (k + 1) / 4
    shown = picture(recorded(result)['/frames/2'])
    assert shown.dtype == np.uint8
    assert np.abs(shown.astype(int) - 127.5).max() <= 0.5


def test_frames_without_stamps_lie_on_the_time_line_of_brackets_only(recorded, deghosted):
    result = deghosted()
    frames = tuple(dataclasses.replace(f, stamp_ns=0) for f in result.bracket.frames)
    columns = recorded(dataclasses.replace(
        result, bracket=dataclasses.replace(result.bracket, frames=frames)))
    assert columns['/fused/image']['bracket'] == [1]
    assert 'stamp' not in columns['/fused/image']


def test_the_viewer_is_told_which_picture_lies_where(deghosted, tmp_path):
    path = tmp_path / 'inside.rrd'
    with InsideRecording(path, NodeSettings()) as recording:
        recording.add(deghosted())
    layout = next(iter(RrdReader(path).blueprints()))
    names = [str(value) for chunk in RrdReader(path).stream(store=layout)
             for name, values in content(chunk)
             if name == 'ViewBlueprint:display_name' for value in values]
    assert any('frame 2: 0.004 s, reference' in name for name in names)
    assert any('histograms' in name for name in names)
