# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium on a pipe (DevTools protocol): no driver, no port, no package."""

import base64
import json
import os
import shutil
import subprocess
import sys

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
                None)

# Chromium speaks on the descriptors 3 and 4.
_ON_3_AND_4 = """
import fcntl, os, sys
copies = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3]]
for copy, wanted in zip(copies, (3, 4)):
    os.dup2(copy, wanted)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """Context manager with one page.

    Attributes:
        requests: URLs that the page has asked for.
        complaints: What it printed to the console, and its exceptions.
    """

    def __init__(self, profile, width=1200, height=900):
        self._profile, self._size = profile, (width, height)
        self.requests, self.complaints = [], []
        self._count, self._session, self._rest = 0, None, b''

    def __enter__(self):
        to_child, self._write = os.pipe()
        self._read, from_child = os.pipe()
        command = [
            sys.executable, '-c', _ON_3_AND_4, str(to_child), str(from_child), CHROMIUM,
            '--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe',
            '--hide-scrollbars', f'--user-data-dir={self._profile}',
            '--window-size={},{}'.format(*self._size),
        ]
        self._process = subprocess.Popen(command, pass_fds=(to_child, from_child),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        target = self('Target.createTarget', url='about:blank')['targetId']
        self._session = self('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network'):
            self(f'{domain}.enable')
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def __call__(self, method, **parameters):
        """Call a method of the protocol and wait for its result."""
        self._count += 1
        call = {'id': self._count, 'method': method, 'params': parameters}
        if self._session:
            call['sessionId'] = self._session
        os.write(self._write, json.dumps(call).encode() + b'\0')
        while (message := self._next()).get('id') != self._count:
            self._note(message)
        if 'error' in message:
            raise RuntimeError(f'{method}: {message["error"]}')
        return message['result']

    def open(self, path):
        """Load a file and wait until it is complete."""
        self('Page.navigate', url=path.as_uri())
        while True:
            message = self._next()
            self._note(message)
            if message.get('method') == 'Page.loadEventFired':
                return

    def run(self, expression):
        """The value of a JavaScript expression."""
        result = self('Runtime.evaluate', expression=expression, returnByValue=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(result['exceptionDetails'])
        return result['result'].get('value')

    def box(self, selector):
        """Left, top, width, height of an element, pixels; scrolls it into view."""
        return self.run(
            f'(e => {{ e.scrollIntoView({{block: "center", behavior: "instant"}}); '
            'const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })'
            f'(document.querySelector({json.dumps(selector)}))')

    def press(self, x, y):
        """Click with the left button."""
        for kind in ('mousePressed', 'mouseReleased'):
            self('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def key(self, name):
        """Press and release a key by its DOM name."""
        for kind in ('keyDown', 'keyUp'):
            codes = {'ArrowLeft': 37, 'ArrowRight': 39, 'Home': 36, 'End': 35, 'Tab': 9}
            self('Input.dispatchKeyEvent', type=kind, key=name, code=name,
                 windowsVirtualKeyCode=codes[name])

    def screenshot(self, whole_page=False):
        """What is to be seen, as a PNG's bytes."""
        shot = self('Page.captureScreenshot', captureBeyondViewport=whole_page)
        return base64.b64decode(shot['data'])

    def _next(self):
        while b'\0' not in self._rest:
            if not (more := os.read(self._read, 1 << 20)):
                raise RuntimeError('expected the browser to answer, got its end')
            self._rest += more
        message, _, self._rest = self._rest.partition(b'\0')
        return json.loads(message)

    def _note(self, message):
        method, parameters = message.get('method'), message.get('params', {})
        if method == 'Network.requestWillBeSent':
            self.requests.append(parameters['request']['url'])
        if method in ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled'):
            self.complaints.append(parameters)
