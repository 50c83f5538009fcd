# SPDX-License-Identifier: Apache-2.0
"""The std_srvs/Trigger services of the node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

Answer = Callable[[bool, str], None]
"""Callback that takes whether a request succeeded, and a message."""


class RefusedError(Exception):
    """A request that cannot be served; the text says why and what to do."""


class Services:
    """`~/reset` and `~/save_bracket`."""

    def __init__(
        self, node: Node, reset: Callable[[], str], save: Callable[[Answer], None]
    ) -> None:
        """Create the services.

        Args:
            node: Node that offers them.
            reset: Resets the assembler and returns a message, or raises RefusedError.
            save: Starts to save the latest bracket, or raises RefusedError; calls the given
                function with the outcome later, from any thread.
        """
        self._node, self._reset, self._save = node, reset, save
        node.create_service(Trigger, '~/reset', self._on_reset)
        # A callback group of its own: images must still be received during a save.
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
        future.add_done_callback(lambda _: None)  # else nothing wakes the executor
        try:
            self._save(lambda success, message: future.set_result((success, message)))
            response.success, response.message = await future
        except RefusedError as error:
            response.message = str(error)
        return response
