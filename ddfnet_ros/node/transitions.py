# SPDX-License-Identifier: Apache-2.0
"""Handles lifecycle transitions that are impossible in the current state."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.msg import Transition
from rclpy.lifecycle import LifecycleNode

_NAMES = {value: name.removeprefix('TRANSITION_').lower() for name, value in (
    (name, getattr(Transition, name)) for name in dir(Transition)
    if name.startswith('TRANSITION_')) if value < Transition.TRANSITION_ON_CONFIGURE_SUCCESS}


def refuse_impossible(node: LifecycleNode) -> None:
    """Refuse impossible transitions in the answer, as rclcpp does.

    rclpy refuses them when requested by label. When requested by id, as launch_ros and many
    managers do, it raises, which would end the process.
    """
    service: Any = node._service_change_state
    answer = service.callback

    def answer_or_refuse(request: Any, response: Any) -> Any:
        try:
            return answer(request, response)
        except RuntimeError:  # raised by rcl
            if not node.context.ok():  # shut down: no answer can be sent
                raise
            state = node._state_machine.current_state[1]
            asked = request.transition.label or _NAMES.get(
                request.transition.id, f'{request.transition.id}')
            node.get_logger().warning(f'{asked}: expected a transition that the node has now, '
                                      f'when it is {state}; see ros2 lifecycle list')
            response.success = False
            return response

    service.callback = answer_or_refuse
