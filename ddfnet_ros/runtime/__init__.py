# SPDX-License-Identifier: Apache-2.0
"""Running a model: bracket in, radiance and picture out, on the device at hand."""
