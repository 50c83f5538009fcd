# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.actors import Actor, Course
from ddfnet_ros.synthesis.street.film import Street
from ddfnet_ros.synthesis.street.layer import Solid
from ddfnet_ros.synthesis.street.light import Light, light_from
from ddfnet_ros.synthesis.street.mesh import box
from ddfnet_ros.synthesis.street.plate import Plate
from ddfnet_ros.synthesis.street.projection import StreetCamera
from ddfnet_ros.synthesis.street.surface import Surface


@pytest.fixture(scope='session')
def overcast() -> Light:
    """Light of radiance 0.5 from everywhere, no sun."""
    return light_from(Panorama(name='overcast', radiance=np.full((64, 128, 3), 0.5, np.float32)),
                      0.0, sun_above=10.0)


@pytest.fixture(scope='session')
def sunny_panorama() -> Panorama:
    """A sky of 0.2 with a sun at azimuth 90 and elevation 45 degrees."""
    radiance = np.full((64, 128, 3), 0.2, np.float32)
    radiance[15:17, 95:97] = 500.0
    return Panorama(name='sunny', radiance=radiance)


@pytest.fixture(scope='session')
def small_camera() -> StreetCamera:
    return StreetCamera(width=96, height=54, focal=40.0, horizon=22.0)


def grey_box(x, y, heading=0.0, size=1.0, sun_share=0.0, inside=None) -> Solid:
    """A box of `size` metres standing on the road."""
    half = size / 2
    return Solid(mesh=box((-half, -half, 0), (half, half, size), cells=3),
                 paint=lambda part, _l, _n, _t: Surface.uniform(len(part), (0.5, 0.5, 0.5)),
                 x=x, y=y, heading=heading, sun_share=sun_share, inside=inside)


@pytest.fixture(scope='session')
def small_street(overcast, small_camera) -> Street:
    """A grey road with one box that crosses it at 6 m/s."""
    course = Course(x=-2.0, y=5.0, heading=np.pi / 2, speed=6.0)

    def at(seconds: float) -> Solid:
        x, y, heading, _ = course.at(seconds)
        return grey_box(float(x), float(y), float(heading))

    shape = (small_camera.height, small_camera.width, 3)
    plate = Plate(sunlit=np.full(shape, 0.05, np.float32), shaded=np.full(shape, 0.02, np.float32),
                  ground=small_camera.ground(), sun_on_ground=np.ones(shape[:2]))
    return Street(camera=small_camera, light=overcast, plate=plate,
                  actors=(Actor(at=at, length=1.0, width=1.0, clearance=0.1, course=course),))
