# SPDX-License-Identifier: Apache-2.0
"""Motion between the frames of a bracket (Sec. 3.2.2), from one of several providers.

Flow is in pixels (x, y) on the reference's grid, from the reference to the other frame: what the
reference shows at p is at p + flow(p) in the other frame.
"""
