# SPDX-License-Identifier: Apache-2.0
"""The ROS side of the package: messages, topics, parameters and the life cycle."""
