# SPDX-License-Identifier: Apache-2.0
"""The demo's scene: traffic at a junction in the early morning, against the sun."""

from __future__ import annotations

import dataclasses

import numpy as np

from ddfnet_ros.synthesis.panorama import Panorama
from ddfnet_ros.synthesis.street.actors import (
    Actor,
    Course,
    cyclist,
    island,
    signal,
    vehicle,
    walker,
)
from ddfnet_ros.synthesis.street.figures import Person
from ddfnet_ros.synthesis.street.film import Street
from ddfnet_ros.synthesis.street.light import light_from
from ddfnet_ros.synthesis.street.plate import Plate, still_street
from ddfnet_ros.synthesis.street.projection import StreetCamera
from ddfnet_ros.synthesis.street.vehicle_paint import Paintwork
from ddfnet_ros.synthesis.street.vehicle_shapes import BUS, HATCHBACK, SEDAN, VAN

LEFT, RIGHT, TOWARDS = -np.pi / 2, np.pi / 2, np.pi


@dataclasses.dataclass(frozen=True, kw_only=True)
class Location:
    """How a panorama is used as the street's background.

    Attributes:
        heading: Azimuth of its road [deg].
        view: Azimuth of the picture's middle [deg].
        white: Radiance that the shortest exposure shows as white; 0: eight times the panorama's
            95th percentile.
        elevation: Height of its camera above the road [m].
        credit: Origin and licence.
    """

    heading: float = 0.0
    view: float = 0.0
    white: float = 0.0
    elevation: float = 1.6
    credit: str = ''


PREFERRED = 'wide_street_02_1k'
_FREE = 'The recording and the truth are under CC0 1.0 as well.'
LOCATIONS = {
    PREFERRED: Location(
        heading=68.2, view=62.0, white=4.0,
        credit='the panorama "Wide Street 02" (1k) of Poly Haven,\n'
               f'https://polyhaven.com/a/wide_street_02, CC0 1.0. {_FREE}'),
    'drawn': Location(credit=f'drawn by code. {_FREE}'),
}


def credit(name: str) -> str:
    """Origin and licence of a panorama, as a sentence."""
    return LOCATIONS.get(name, Location()).credit or (
        f'the panorama "{name}"; its licence holds for the recording too.')


def build_street(panorama: Panorama, seed: int) -> Street:
    """Build the scene with a panorama as background and light."""
    location = LOCATIONS.get(panorama.name, Location())
    heading = np.radians(location.heading)
    camera = StreetCamera(yaw=np.radians(location.view) - heading, elevation=location.elevation)
    white = location.white or 8 * float(np.percentile(panorama.radiance, 95))
    scaled = Panorama(name=panorama.name,
                      radiance=(panorama.radiance / white).astype(np.float32))
    light = light_from(scaled, heading, sun_above=2.0)
    plate = still_street(scaled, heading, camera, seed)
    return Street(camera=camera, light=light, plate=plate,
                  actors=_make_actors(plate, camera, np.random.default_rng(seed)))


def _make_actors(
    plate: Plate, camera: StreetCamera, random: np.random.Generator
) -> tuple[Actor, ...]:
    def sun(x: float, y: float) -> float:
        return plate.sun_at(x, y, camera)

    phases = random.uniform(0, 2 * np.pi, 4)
    bus = Paintwork(colour=(0.62, 0.60, 0.55), lower_colour=(0.25, 0.03, 0.03))
    man = Person()
    woman = Person(height=1.68, coat=(0.26, 0.06, 0.045), coat_length=0.35, long_hair=True,
                   trousers=(0.02, 0.02, 0.025), girth=0.9)
    student = Person(height=1.82, coat=(0.12, 0.13, 0.10), trousers=(0.08, 0.09, 0.14), bag=True)
    rider = Person(coat=(0.35, 0.30, 0.05), trousers=(0.03, 0.03, 0.03))
    return (
        vehicle(BUS, bus, Course(x=8.2, y=14.6, heading=LEFT, speed=9.5), sun),
        vehicle(SEDAN, Paintwork(colour=(0.03, 0.05, 0.10)),
                Course(x=-12.5, y=10.2, heading=RIGHT, speed=12.5), sun),
        vehicle(HATCHBACK, Paintwork(colour=(0.33, 0.34, 0.36), headlights=6.0),
                Course(x=-2.6, y=24.5, heading=TOWARDS, speed=3.4, acceleration=-1.6), sun),
        vehicle(VAN, Paintwork(colour=(0.45, 0.45, 0.44), headlights=5.0),
                Course(x=-6.2, y=22.4, heading=TOWARDS, speed=0.0), sun),
        vehicle(HATCHBACK, Paintwork(colour=(0.30, 0.02, 0.02), tail_lights=0.5),
                Course(x=2.9, y=-2.4, heading=0.0, speed=4.2, acceleration=-2.0), sun),
        cyclist(rider, Course(x=3.6, y=7.9, heading=LEFT, speed=5.2), sun, phases[3]),
        walker(man, Course(x=2.3, y=4.5, heading=LEFT, speed=1.35), sun, phases[0]),
        walker(woman, Course(x=-3.9, y=4.8, heading=RIGHT, speed=1.45), sun, phases[1]),
        walker(student, Course(x=-5.6, y=6.0, heading=RIGHT, speed=1.55), sun, phases[2]),
        island(5.3, 4.2, 4.6, 1.5, sun),
        signal(5.2, 5.4, TOWARDS + 0.55, 0.16, (0.55, 2.0), sun),
    )
