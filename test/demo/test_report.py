# SPDX-License-Identifier: Apache-2.0
import dataclasses
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from browser import CHROMIUM, Browser

from ddfnet_ros.demo.report import report
from ddfnet_ros.demo.sheet import before_after, contact_sheet
from ddfnet_ros.demo.shots import largest_motion

SHOWN = '.bracket:not([hidden])'


@pytest.fixture(scope='module')
def window(shots):
    return largest_motion(shots)


@pytest.fixture
def page(shots, window, good, tmp_path):
    path = tmp_path / 'report.html'
    path.write_text(report(shots, window, good, [80.0, 90.0, 120.0]), 'utf-8')
    return path


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.all = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))

    def named(self, name):
        return [attributes for tag, attributes in self.all if tag == name]


def test_report_needs_nothing_beside_it(page):
    text = page.read_text('utf-8')
    tags = Tags(text)
    for _, attributes in tags.all:
        for name in ('src', 'href', 'srcset', 'data'):
            assert attributes.get(name, 'data:image/').startswith('data:image/')
    assert not tags.named('link')
    style_and_script = re.sub(r'"data:image/[^"]*"', '', text)
    assert 'http' not in style_and_script
    assert 'url(' not in style_and_script
    assert '@import' not in style_and_script


def test_every_bracket_has_a_slider_and_every_picture_a_description(page, shots):
    tags = Tags(page.read_text('utf-8'))
    sliders = [a for a in tags.named('input') if a['type'] == 'range']
    assert len(sliders) == len(shots)
    assert all(slider['aria-label'] for slider in sliders)
    assert all(picture.get('alt') for picture in tags.named('img'))
    assert tags.named('html')[0]['lang'] == 'en'
    assert tags.named('meta')[1]['content'] == 'width=device-width, initial-scale=1'


def test_zoom_shows_inputs_static_merge_fused_and_truth(page):
    captions = re.findall(r'<figure class="\w*"><img[^>]*><figcaption>([^<]*)', page.read_text())
    assert captions == ['1 ms', '4 ms, the reference frame', '16 ms', 'static merge', 'fused',
                        'truth']


def test_exposure_is_told_in_time_whatever_the_gain(shots, window, good):
    frames = tuple(dataclasses.replace(f, gain=2.0) for f in shots[0].bracket.frames)
    loud = dataclasses.replace(
        shots[0], bracket=dataclasses.replace(shots[0].bracket, frames=frames))
    text = report([loud], dataclasses.replace(window, shot=loud), good, [80.0])
    assert '(1 ms, 4 ms, 16 ms; 160x96)' in text
    assert 'reference exposure 4 ms' in text


def test_numbers_are_in_the_table_and_the_best_is_marked(page):
    text = page.read_text('utf-8')
    assert '<td>30.00</td><td>31.00</td><td class=best>33.00</td>' in text
    assert '<td class=best>0.0200</td><td>0.2000</td><td>0.0205</td>' in text
    assert '95 of 96' in text
    assert '+2.0 dB' in text


def test_unknown_figures_are_dashes(shots, window, good):
    still = dataclasses.replace(
        good, psnr_mu_moving=dict.fromkeys(('reference', 'static_merge', 'fused')))
    assert '<td>-</td><td>-</td><td>-</td>' in report(shots, window, still, [80.0])


def test_names_from_outside_are_escaped(shots, window, good):
    odd = dataclasses.replace(good, model='<b>fast', dropped={'<i>': 1})
    text = report(shots, window, odd, [80.0])
    assert '&lt;b&gt;fast' in text
    assert '<i>' not in text




def test_contact_sheet_has_a_row_per_bracket_and_a_column_per_picture(shots):
    sheet = contact_sheet(shots)
    height = round(240 * 96 / 160)
    assert sheet.shape == (30 + 3 * (height + 6), 6 * 246 + 6, 3)
    fused = cv2.resize(shots[1].published, (240, height), interpolation=cv2.INTER_AREA)
    top, left = 30 + height + 6, 6 + 4 * 246
    np.testing.assert_array_equal(sheet[top:top + height, left:left + 240], fused)


def test_before_and_after_stand_side_by_side(shots, window):
    picture = before_after(window)
    before, after = picture[30:30 + 240, 6:406], picture[30:30 + 240, 412:812]
    for part, whole in ((before, window.shot.bracket.reference.pixels),
                        (after, window.shot.published)):
        expected = cv2.resize(whole, (400, 240), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(part, expected)


@pytest.mark.skipif(CHROMIUM is None, reason='needs chromium: apt-get install chromium')
class TestInABrowser:
    @pytest.fixture
    def browser(self, page, tmp_path):
        with Browser(tmp_path / 'profile') as browser:
            browser.open(page)
            yield browser

    def picture_of(self, browser, part):
        """The left or right half of what the shown slider shows."""
        left, top, width, height = map(round, browser.box(f'{SHOWN} .compare'))
        png = np.frombuffer(browser.screenshot(), np.uint8)
        shown = cv2.imdecode(png, cv2.IMREAD_COLOR)[top:top + height, left:left + width]
        return shown[:, width // 8:width * 3 // 8] if part == 'left' else (
            shown[:, width * 5 // 8:width * 7 // 8])

    def test_page_loads_without_complaints_and_without_asking_anyone(self, browser, page):
        assert browser.complaints == []
        asked = [url for url in browser.requests if not url.startswith('data:')]
        assert asked == [page.as_uri()]
        assert browser.run('[...document.images].every(i => i.naturalWidth > 0)')

    def test_moving_the_slider_changes_the_picture(self, browser):
        left, top, width, height = browser.box(f'{SHOWN} .compare')
        before = self.picture_of(browser, 'left'), self.picture_of(browser, 'right')
        browser.press(left + 0.95 * width, top + height / 2)
        assert float(browser.run(f'document.querySelector("{SHOWN} input").value')) > 90
        after = self.picture_of(browser, 'left'), self.picture_of(browser, 'right')
        assert np.abs(after[0].astype(int) - before[0]).mean() < 1
        assert np.abs(after[1].astype(int) - before[1]).mean() > 10

    def test_slider_works_from_the_keyboard(self, browser):
        browser.run(f'document.querySelector("{SHOWN} input").focus()')
        before = self.picture_of(browser, 'left')
        browser.key('Home')
        assert np.abs(self.picture_of(browser, 'left').astype(int) - before).mean() > 10

    def test_film_strip_shows_one_bracket_at_a_time(self, browser, shots):
        assert browser.run('document.querySelectorAll(".film button").length') == len(shots)
        for k in range(len(shots)):
            browser.run(f'document.querySelectorAll(".film button")[{k}].click()')
            shown = browser.run(f'[...document.querySelectorAll("{SHOWN}")].map(e => e.id).join()')
            assert shown == f'bracket-{k + 1}'
            pressed = '.film button[aria-pressed=true] span'
            assert browser.run(f'document.querySelector("{pressed}").textContent') == f'{k + 1}'

    @pytest.mark.parametrize('width', [360, 1600])
    def test_page_fits_narrow_and_wide_screens(self, browser, width):
        browser('Emulation.setDeviceMetricsOverride', width=width, height=800,
                deviceScaleFactor=1, mobile=False)
        assert browser.run('document.documentElement.scrollWidth') <= width
