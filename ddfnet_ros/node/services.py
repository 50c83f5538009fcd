# SPDX-License-Identifier: Apache-2.0
"""The services of the node, which answer in words what became of it: std_srvs/Trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

Answer = Callable[[bool, str], None]
"""Called with whether it could be done, and a text."""


class RefusedError(Exception):
    """What was asked for cannot be; the text says why and what to do."""


class Services:
    """`~/reset` and `~/save_bracket`."""

    def __init__(
        self, node: Node, reset: Callable[[], str], save: Callable[[Answer], None]
    ) -> None:
        """Offer them.

        Args:
            node: Under whose name.
            reset: Does so and says what it did, or raises RefusedError.
            save: Begins to; calls what it is given, from any thread, with whether it could and a
                text. Or raises RefusedError.
        """
        self._node, self._reset, self._save = node, reset, save
        node.create_service(Trigger, '~/reset', self._on_reset)
        # A group of its own: while a disk is written to, images must still be taken.
        node.create_service(Trigger, '~/save_bracket', self._on_save,
                            callback_group=MutuallyExclusiveCallbackGroup())

    def _on_reset(self, _request: Any, response: Trigger.Response) -> Trigger.Response:
        try:
            response.success, response.message = True, self._reset()
        except RefusedError as error:
            response.message = str(error)
        return response

    async def _on_save(self, _request: Any, response: Trigger.Response) -> Trigger.Response:
        future: Any = Future(executor=self._node.executor)
        future.add_done_callback(lambda _: None)  # or else nothing wakes the executor
        try:
            self._save(lambda success, message: future.set_result((success, message)))
            response.success, response.message = await future
        except RefusedError as error:
            response.message = str(error)
        return response
