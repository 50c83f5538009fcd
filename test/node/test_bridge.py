# SPDX-License-Identifier: Apache-2.0
"""cv_bridge, absent and in all states in which it has been met; each a package of a few lines."""

import sys
from importlib.util import find_spec
from threading import Event

import numpy as np
import pytest
from sensor_msgs.msg import Image

from ddfnet_ros.node import bridge
from ddfnet_ros.node.messages import frame_from

STRANGE = {'height': 1, 'width': 2, 'step': 6, 'encoding': 'yuv444', 'data': b'abcdef'}

WORKS = """
import numpy as np
class CvBridge:
    def imgmsg_to_cv2(self, image, desired_encoding):
        if image.encoding not in ('bgr8', 'yuv444'):
            raise TypeError('unrecognized\\nencoding')
        flat = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
        return flat[..., ::-1] if image.encoding == 'bgr8' else flat
"""
CRASH = 'import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)'
BROKEN = {  # source: what is said of it
    "raise AttributeError('_ARRAY_API not found')": '_ARRAY_API not found',
    "raise ImportError('numpy.core.multiarray failed to import')": 'multiarray failed to import',
    "class CvBridge:\n"
    "    def imgmsg_to_cv2(self, *_, **__):\n"
    "        raise SystemError('initialization failed')": 'initialization failed',
    CRASH: 'ended by signal 11',
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a cv_bridge of this source where imports find it."""
    def put(source):
        (tmp_path / 'cv_bridge').mkdir()
        (tmp_path / 'cv_bridge' / '__init__.py').write_text(source)
        monkeypatch.syspath_prepend(tmp_path)

    yield put
    bridge.trial_result.cache_clear()
    bridge._load_converter.cache_clear()
    sys.modules.pop('cv_bridge', None)


def tried():
    """Have the trial done."""
    return bridge.trial_result().result(timeout=60)


def refusal(message):
    with pytest.raises(ValueError, match="got encoding '") as error:
        frame_from(message)
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.skipif(find_spec('cv_bridge') is not None, reason='cv_bridge is installed')
def test_without_cv_bridge_an_unknown_encoding_is_refused_with_the_package_to_install(install):
    tried()
    assert 'install cv_bridge (apt install ros-$ROS_DISTRO-cv-bridge)' in refusal(Image(**STRANGE))
    assert 'cv_bridge' not in sys.modules


@pytest.mark.parametrize(('source', 'said'), BROKEN.items(), ids=BROKEN.values())
def test_a_broken_cv_bridge_costs_the_image_and_not_the_process(install, source, said):
    install(source)
    tried()
    text = refusal(Image(**STRANGE))
    assert 'repair cv_bridge, which this NumPy may not suit (' in text
    assert said in text
    assert 'cv_bridge' not in sys.modules
    assert refusal(Image(**STRANGE)) == text


def test_what_cv_bridge_knows_is_read_through_it(install):
    install(WORKS)
    tried()
    pixels = frame_from(Image(**STRANGE)).pixels
    np.testing.assert_array_equal(pixels, np.frombuffer(b'abcdef', np.uint8).reshape(1, 2, 3))


def test_what_cv_bridge_does_not_know_either_is_refused_in_its_words(install):
    install(WORKS)
    tried()
    assert '(cv_bridge: unrecognized encoding)' in refusal(Image(**STRANGE | {'encoding': 'x'}))


def test_nothing_of_cv_bridge_is_imported_for_what_we_read_ourselves(install):
    install(CRASH)
    frame_from(Image(**STRANGE | {'encoding': 'rgb8'}))
    assert 'cv_bridge' not in sys.modules


def test_while_cv_bridge_is_tried_images_are_refused_at_once_and_read_afterwards(
        install, monkeypatch):
    install(WORKS)
    gate, trial = Event(), bridge._run_trial
    monkeypatch.setattr(bridge, '_run_trial', lambda: trial() if gate.wait(60) else 'never')
    assert 'or wait for the trial of cv_bridge' in refusal(Image(**STRANGE))
    gate.set()
    assert tried() == ''
    assert frame_from(Image(**STRANGE)).pixels.shape == (1, 2, 3)
