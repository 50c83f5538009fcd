# SPDX-License-Identifier: Apache-2.0
"""Bags to be fused, and what is in them."""

from ddfnet_ros.bags import BagReader
from ddfnet_ros.bags.fusing import BagJob
from ddfnet_ros.settings import NodeSettings

TOPIC = '/cam/image_raw'


def job(source, tmp_path, topics=(TOPIC,), **changes):
    settings = {'image_topics': topics, 'exposure_source': 'camera_ros'}
    settings |= changes.pop('settings', {})
    return BagJob(source=source, target=tmp_path / 'out.mcap', settings=NodeSettings(**settings),
               **changes)


def contents(path, topics=()):
    with BagReader(path) as bag:
        return [(m.topic, m.msgtype, m.stamp_ns, bytes(m.cdr)) for m in bag.messages(topics)]
