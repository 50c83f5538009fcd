# SPDX-License-Identifier: Apache-2.0
"""Networks run by TensorRT: ONNX graph, engine, and what takes the network's place."""
