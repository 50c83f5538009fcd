# SPDX-License-Identifier: Apache-2.0
"""The one room that speaks ROS: messages, topics, parameters and the life cycle."""
