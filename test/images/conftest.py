# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np


def random_pixels(dtype, shape=(12, 17, 3)):
    rng = np.random.default_rng(0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (rng.random(shape) * top).astype(dtype)


def save(path, pixels):
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    assert cv2.imwrite(str(path), bgr)
    return path
