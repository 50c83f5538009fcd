# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ddfnet_ros.bracket import Bracket
from ddfnet_ros.evaluation.detection import people, study
from ddfnet_ros.evaluation.detection.boxes import Box
from ddfnet_ros.evaluation.detection.classifier import (
    LabelledCrops,
    StateNet,
    draw_labelled_crops,
    train,
)
from ddfnet_ros.evaluation.detection.people import PeopleDetector, people_scene
from ddfnet_ros.evaluation.detection.record import Part, write
from ddfnet_ros.evaluation.detection.scores import Score
from ddfnet_ros.evaluation.detection.signals import STATES, signal_scene
from ddfnet_ros.evaluation.detection.sources import FUSED, MERGED, sources_of
from ddfnet_ros.evaluation.detection.view import REFERENCE, SITUATIONS
from ddfnet_ros.runtime.deghoster import Deghoster
from ddfnet_ros.settings import DeghosterSettings


@pytest.fixture(scope='module')
def deghoster(folder):
    return Deghoster(DeghosterSettings(model=str(folder / 'fast.safetensors'), backend='torch',
                                       threads=1))


def lamps(count, random):
    """Crops of lamps alone, red above and green below."""
    states = random.integers(3, size=count)
    crops = 0.1 * random.random((count, 3, 24, 24))
    for crop, state in zip(crops, states, strict=True):
        top = 7 * state + random.integers(1, 4)
        crop[:, top:top + 4, 10:14] = np.reshape([(1, 0, 0), (1, 0.6, 0), (0, 1, 0.6)][state],
                                                 (3, 1, 1))
    return LabelledCrops(torch.from_numpy(crops).float(), torch.from_numpy(states))


def test_lamps_teach_their_states():
    random = np.random.default_rng(0)
    net, unseen = train(lamps(256, random), 1), lamps(30, random)
    states = [list(STATES)[k] for k in unseen.states.tolist()]
    assert net.read(list(unseen.crops.permute(0, 2, 3, 1).numpy())) == states


def test_lessons_are_exposed_for_the_lamp(place):
    random = np.random.default_rng(0)
    scene = signal_scene(place, SITUATIONS['night'], 'green', random)
    lesson = draw_labelled_crops([scene], random)
    assert lesson.states.tolist() == [2] * len(lesson.crops)
    brightest = lesson.crops[:, :, 3:-3, 8:-8].amax(dim=1)
    assert (brightest > 0.5).flatten(1).any(1).all()
    assert ((brightest >= 0.99).flatten(1).float().mean(1) < 0.06).all()


def test_the_network_is_small():
    assert sum(parameter.numel() for parameter in StateNet().parameters()) == 4147


def test_sources_are_what_the_node_publishes_and_what_the_frames_show(place, deghoster):
    scene = signal_scene(place, SITUATIONS['day'], 'red', np.random.default_rng(0))
    # In seconds: radiance must not depend on their unit.
    bracket = Bracket.of(replace(frame, exposure_time=0.01 * frame.exposure_time)
                         for frame in scene.capture.bracket.frames)
    sources = sources_of(bracket, deghoster)
    result = deghoster(bracket)
    np.testing.assert_array_equal(np.round(sources.pictures[FUSED] * 255), result.image)
    np.testing.assert_allclose(sources.pictures['long'], bracket.frames[2].pixels / 255, atol=1e-6)
    assert sources.radiance[FUSED].max() <= 1.01
    assert not np.array_equal(sources.pictures[f'{FUSED}, reinhard'], sources.pictures[FUSED])
    # Where the middle frame is neither dark nor bright, the plain merge leaves it alone.
    mid = bracket.frames[1].pixels
    sure = (mid == 127).all(-1)
    exposure = bracket.exposures[1] / bracket.exposures[0]
    assert sources.radiance[MERGED][sure] == pytest.approx((127 / 255) ** 2.2 / exposure, rel=0.1)


class ByBrightness(StateNet):
    """Says red of dark crops and green of others."""

    def read(self, crops):
        return ['red' if crop.mean() < 0.4 else 'green' for crop in crops]


def test_every_source_reads_every_light_once(place, deghoster):
    scores = study.read_signals([place], deghoster, ByBrightness(), 2, 1)
    assert {study.WELL_EXPOSED, 'short', 'long', 'mertens', FUSED,
            f'{FUSED}, {study.RE_EXPOSED}'} <= set(scores)
    assert all(set(found) == set(SITUATIONS) for found in scores.values())
    assert all(score.count == 2 for found in scores.values() for score in found.values())


class Seer(PeopleDetector):
    """Knows where the people of the scenes are, at the reference's instant."""

    def __init__(self, boxes):
        self._boxes = boxes

    def find(self, picture):
        seen = picture.shape == (288, 288, 3)
        return [(1.0, box) for box in self._boxes] if seen else []


def test_recall_is_of_the_people_in_each_sources_own_instant(place, deghoster, monkeypatch):
    scene = people_scene(place, SITUATIONS['day'], np.random.default_rng(0))
    elsewhere = tuple(replace(box, left=box.left + 500, right=box.right + 500)
                      for box in scene.boxes[0])
    scene = replace(scene, boxes=(elsewhere, *scene.boxes[1:]))
    monkeypatch.setattr(study, 'people_scene', lambda *_: scene)
    boxes = [box.with_person_width() for box in scene.boxes[REFERENCE]]
    scores = study.find_people([place], deghoster, Seer(boxes), 1, 1)
    assert scores[FUSED]['day'].share == 1
    assert scores[FUSED]['day'].count == 3
    assert scores['short']['day'].hits == 0


def test_people_walk_while_the_bracket_is_taken(place):
    scene = people_scene(place, SITUATIONS['backlight'], np.random.default_rng(1))
    assert all(len(present) == 3 for present in scene.boxes)
    assert scene.boxes[0] != scene.boxes[1] != scene.boxes[2]
    assert all(60 < box.height < 160 for box in scene.boxes[REFERENCE])
    inside = scene.boxes[REFERENCE][2]
    exposed = scene.well_exposed(np.random.default_rng(0))
    patch = exposed[round(inside.top):round(inside.bottom), round(inside.left):round(inside.right)]
    assert 0.1 < np.median(patch) < 0.9


def test_an_opencv_without_the_detector_is_told_what_to_do(monkeypatch):
    monkeypatch.delattr(cv2, 'HOGDescriptor', raising=False)
    with pytest.raises(ValueError, match='opencv-python-headless<5'):
        PeopleDetector()


def test_windows_shrink_to_the_person_in_them():
    found = people._person_box(np.array([100, 40, 128, 256], np.int32))
    whole = Box(50.0, 20.0, 114.0, 148.0)
    assert found.middle == whole.middle
    assert found.height == pytest.approx(0.8 * whole.height)


def test_one_part_of_the_record_is_written_and_the_other_stays(tmp_path):
    path = tmp_path / 'detection.json'
    path.write_text('{"people": {"seed": 7}}')
    write(path, 'signals', Part(
        hardware='a CPU', model='fast', sha256='0', device='cpu', precision='float32',
        tone_map='mu', detector='a network', panoramas=['a'], scenes=2, seed=1,
        scores={'fused': {'day': Score.of(1, 2)}}))
    record = json.loads(path.read_text())
    assert record['people'] == {'seed': 7}
    assert record['signals']['scores']['fused']['day']['hits'] == 1
    assert record['signals']['commit']
    assert '{ "hits": 1,' in path.read_text()
