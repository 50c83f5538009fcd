# SPDX-License-Identifier: Apache-2.0
"""Transitions of the life cycle that are not possible now."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.msg import Transition
from rclpy.lifecycle import LifecycleNode

_NAMES = {value: name.removeprefix('TRANSITION_').lower() for name, value in (
    (name, getattr(Transition, name)) for name in dir(Transition)
    if name.startswith('TRANSITION_')) if value < Transition.TRANSITION_ON_CONFIGURE_SUCCESS}


def refuse_impossible(node: LifecycleNode) -> None:
    """Have them answered with a refusal, as a node in C++ does.

    rclpy refuses those that are asked for by their label. By their id, as launch_ros and many
    managers ask, it raises, which would end the process.
    """
    service: Any = node._service_change_state
    answer = service.callback

    def answer_all(request: Any, response: Any) -> Any:
        try:
            return answer(request, response)
        except RuntimeError:  # of rcl
            if not node.context.ok():  # interrupted, which nobody can be told any more
                raise
            state = node._state_machine.current_state[1]
            asked = request.transition.label or _NAMES.get(
                request.transition.id, f'{request.transition.id}')
            node.get_logger().warning(f'{asked}: expected a transition that the node has now, '
                                      f'when it is {state}; see ros2 lifecycle list')
            response.success = False
            return response

    service.callback = answer_all
