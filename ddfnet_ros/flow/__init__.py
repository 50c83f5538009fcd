# SPDX-License-Identifier: Apache-2.0
"""Motion between the frames of a bracket (Sec. 3.2.2), from one of several providers.

Flow goes from the reference to the other frame, in pixels (x, y) on the reference's grid: what is
at p in the reference is at p + flow(p) in the other frame.
"""
