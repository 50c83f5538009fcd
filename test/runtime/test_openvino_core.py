# SPDX-License-Identifier: Apache-2.0
import gc
import subprocess
import sys
import weakref

import pytest
import torch

from ddfnet_ros.runtime import openvino_core
from ddfnet_ros.runtime.acceleration import install_backend
from ddfnet_ros.runtime.openvino_core import OpenVINOCore

from .conftest import small_fast

pytest.importorskip('openvino')
CPU = torch.device('cpu')


def given(n: int, h: int, w: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n + h)
    stack = torch.rand((1, n, 6, h, w), generator=generator)
    return stack, 5 * torch.randn((1, n - 1, 2, h, w), generator=generator)


@torch.inference_mode()
def test_radiance_is_that_of_torch_for_any_number_and_size_of_frames():
    expected, model = small_fast(), small_fast()
    assert install_backend(model, 'openvino', CPU, torch.float32) == 'openvino'
    for n, h, w in ((3, 40, 48), (2, 64, 32), (5, 40, 48), (3, 40, 48), (3, 24, 16)):
        stack, flow = given(n, h, w)
        torch.testing.assert_close(
            model(stack, flow, 1), expected(stack, flow, 1), atol=2e-6, rtol=1e-4)


@torch.inference_mode()
def test_equal_input_gives_equal_bits():
    model = small_fast()
    install_backend(model, 'openvino', CPU, torch.float32)
    first = model(*given(3, 40, 48)).clone()
    model(*given(3, 24, 16))
    assert torch.equal(model(*given(3, 40, 48)), first)


def test_a_shape_is_compiled_once(monkeypatch):
    core = OpenVINOCore(small_fast().core, torch.float32, threads=1)
    frames, flow = [torch.rand(1, 8, 16, 24)] * 3, [torch.rand(1, 3, 16, 24)] * 2
    core(frames, flow)
    monkeypatch.setattr(core, '_runtime', None)  # nothing can be compiled any more
    core(frames, flow)
    assert not core._failed


def test_a_model_that_nobody_uses_is_gone_at_once():
    """And with it its threads and its memory; the garbage collector may come much later."""
    core = OpenVINOCore(small_fast().core, torch.float32, threads=1)
    core([torch.rand(1, 8, 16, 24)] * 3, [torch.rand(1, 3, 16, 24)] * 2)
    seen = weakref.ref(core)
    gc.collect()
    gc.disable()
    try:
        del core
        assert seen() is None
    finally:
        gc.enable()


def test_equal_cores_are_converted_once_and_others_apart(monkeypatch):
    given = [torch.rand(1, 8, 16, 24)] * 3, [torch.rand(1, 3, 16, 24)] * 2
    first = OpenVINOCore(small_fast().core, torch.float32, threads=1)(*given)
    changed = small_fast().core
    with torch.no_grad():
        changed.frame_head[-1].bias += 1
    torch.testing.assert_close(
        OpenVINOCore(changed, torch.float32, threads=1)(*given)[0], first[0] + 1)
    monkeypatch.setattr(OpenVINOCore, '_convert', None)
    again = OpenVINOCore(small_fast().core, torch.float32, threads=1)(*given)
    torch.testing.assert_close(again, first)


def test_few_shapes_are_kept():
    core = OpenVINOCore(small_fast().core, torch.float32, threads=1)
    for width in range(8, 56, 8):
        core([torch.rand(1, 8, 16, width)] * 3, [torch.rand(1, 3, 16, width)] * 2)
    assert [shapes[0][2] for shapes in core._requests] == [24, 32, 40, 48]


def test_what_openvino_cannot_do_is_done_by_torch_and_said_once(monkeypatch, caplog):
    core = OpenVINOCore(small_fast().core, torch.float32, threads=1)

    def fail(_frames):
        raise RuntimeError('no such operation')

    monkeypatch.setattr(openvino_core, '_converted', {})
    core._convert = fail
    frames, flow = [torch.rand(1, 8, 16, 24)] * 3, [torch.rand(1, 3, 16, 24)] * 2
    for _ in range(2):
        maps = core(frames, flow)
    torch.testing.assert_close(maps, small_fast().core(frames, flow))
    assert caplog.text.count('no such operation') == 1


def test_auto_stays_with_torch_for_models_without_a_core():
    assert install_backend(torch.nn.Conv2d(1, 1, 1), 'auto', CPU, torch.float32) == 'torch'
    with pytest.raises(ValueError, match='expected a model with a core'):
        install_backend(torch.nn.Conv2d(1, 1, 1), 'openvino', CPU, torch.float32)


def test_without_openvino_auto_takes_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.setattr(openvino_core, 'runtime', openvino_core.runtime.__wrapped__)
    assert install_backend(small_fast(), 'auto', CPU, torch.float32) == 'torch'
    with pytest.raises(ValueError, match='pip install openvino'):
        install_backend(small_fast(), 'openvino', CPU, torch.float32)


def test_telemetry_is_not_loaded():
    code = ('import torch, sys; from ddfnet_ros.network.fast import FastFusion; '
            'from ddfnet_ros.runtime.openvino_core import OpenVINOCore; '
            'OpenVINOCore(FastFusion().core, torch.float32, 1); '
            'print([m for m in sys.modules if m.startswith("openvino_telemetry.")])')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


SIGNALLED = """
import gc, os, signal, threading, time
import torch
from ddfnet_ros.network.fast import FastConfig, FastFusion
from ddfnet_ros.runtime import openvino_core
from ddfnet_ros.runtime.openvino_core import OpenVINOCore

heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(True))
frames, flow = [torch.rand(1, 8, 16, 24)] * 3, [torch.rand(1, 3, 16, 24)] * 2
models = [OpenVINOCore(FastFusion(FastConfig(channels=8, blocks=1)).core, torch.float32, 1)]
with torch.inference_mode():
    models[0](frames, flow)
thread = threading.Thread(target=lambda: (models.clear(), gc.collect()))
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGTERM)
while not heard:
    time.sleep(0.01)
"""


def test_a_model_that_another_thread_forgets_leaves_the_process_open_to_signals():
    subprocess.run([sys.executable, '-c', SIGNALLED], check=True, timeout=120)
