"""`make screenshots`: the README's pictures, taken of the real application on a scratch database.

The first pictures show the article's figures and nothing else. For the form and the review an example is typed, which
says that it is one; it is gone with the scratch database.
`ARGS=--whole` takes whole pages into build/screenshots/ instead, to look at everything.
"""

from __future__ import annotations

import argparse
import atexit
import io
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
from playwright.sync_api import Browser, Page, StorageState, ViewportSize

from tests import serving
from tests.serving import PHONE, WIDE, App

README = serving.ROOT / "docs" / "screenshots"
WHOLE = serving.ROOT / "build" / "screenshots"
LARGEST = 300_000  # bytes of a picture
EXAMPLE = "截图示例，仅存于临时数据库"
FIGURE = "/figures/industrial_output/220106/2023-06.ytd/"


class Studio:
    """A browser, the application, and where the pictures go."""

    def __init__(self, browser: Browser, app: App, folder: Path, *, whole: bool) -> None:
        self.browser, self.app, self.folder, self.whole = browser, app, folder, whole
        self.sessions: dict[str, StorageState] = {}

    @contextmanager
    def visit(self, username: str, path: str, *, viewport: ViewportSize = WIDE, **options: Any) -> Iterator[Page]:
        """That person's page, in a browser profile of its own; each signs in once."""
        context = self.browser.new_context(
            viewport=viewport,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            storage_state=self.sessions.get(username),
            **options,
        )
        page = context.new_page()
        if username not in self.sessions:
            serving.sign_in(page, self.app, username)
            self.sessions[username] = context.storage_state()
        page.goto(self.app.url + path)
        yield page
        context.close()

    def take(self, name: str, username: str, path: str, **options: Any) -> None:
        with self.visit(username, path, **options) as page:
            self.picture(page, name)

    def picture(self, page: Page, name: str) -> None:
        """The window as it stands: charts drawn, no cursor, no ring around the last field."""
        if page.locator(".chart").count():
            page.locator(".chart .main-svg").first.wait_for()
        page.evaluate("document.fonts.ready")
        page.evaluate("document.activeElement.blur()")
        self.save(name, page.screenshot(animations="disabled", caret="hide", full_page=self.whole))

    def take_phone(self, name: str, username: str, path: str) -> None:
        """Sharp as on a phone, or at one dot a pixel when that would be too large a file."""
        for scale in (1,) if self.whole else (2, 1):  # a whole page at two dots a pixel is more than chromium can draw
            self.take(name, username, path, viewport=PHONE, device_scale_factor=scale, is_mobile=True, has_touch=True)
            if (self.folder / f"{name}.png").stat().st_size < LARGEST:
                break

    def take_print(self, name: str, username: str, path: str) -> None:
        """The first sheet as printed to A4; without a program to draw PDF, the page as styled for print."""
        with self.visit(username, path) as page:
            if not shutil.which("pdftoppm"):
                page.emulate_media(media="print")
                self.picture(page, name)
                return
            with TemporaryDirectory() as folder:
                page.pdf(path=f"{folder}/page.pdf", format="A4", prefer_css_page_size=True, print_background=True)
                subprocess.run(
                    ["pdftoppm", "-png", "-singlefile", "-r", "96", f"{folder}/page.pdf", f"{folder}/page"], check=True
                )
                self.save(name, Path(f"{folder}/page.png").read_bytes())

    def save(self, name: str, png: bytes) -> None:
        path = self.folder / f"{name}.png"
        path.write_bytes(squeezed(png))
        size = path.stat().st_size
        remark = "（过大）" if size > LARGEST and not self.whole else ""
        print(f"  {path.relative_to(serving.ROOT)}  {size / 1000:.0f} kB{remark}", flush=True)


def squeezed(png: bytes) -> bytes:
    """The same picture with its pixel data compressed as far as zlib can, and nothing but the picture."""
    head, place, kept, pixels = png[:8], 8, [], b""
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += length + 12
        if kind == b"IDAT":
            pixels += data
        elif kind in (b"IHDR", b"PLTE"):
            kept.append((kind, data))
    chunks = [*kept, (b"IDAT", zlib.compress(zlib.decompress(pixels), 9)), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return min(head + b"".join(packed), png, key=len)


def take_all(studio: Studio) -> None:
    # The article's figures first, as they are before anything is typed.
    studio.take("cockpit-wide", "leader", "/cockpit/")
    studio.take_phone("cockpit-phone", "leader", "/cockpit/")
    studio.take("cockpit-dark", "leader", "/cockpit/", color_scheme="dark")
    studio.take_print("cockpit-print", "leader", "/cockpit/")
    studio.take("indicator-wide", "leader", "/indicators/industrial_output/")
    studio.take("projects-wide", "leader", "/projects/")
    studio.take_phone("projects-phone", "leader", "/projects/")
    studio.take("strategy-wide", "leader", "/strategy/")
    studio.take("provenance-wide", "leader", FIGURE)
    studio.take("tasks-wide", "staff", "/tasks/")
    studio.take_phone("tasks-phone", "staff", "/tasks/")
    with studio.visit("admin", "/imports/new/") as wizard:
        upload_example(wizard)
        studio.picture(wizard, "import-wide")
        studio.take_phone("import-phone", "admin", wizard.url.removeprefix(studio.app.url))
    # The main job, with an example.
    with studio.visit("staff", "/rounds/2023-07/gxj/") as form:
        type_example(form)
        form.get_by_role("button", name="保存").click()
        form.get_by_text("已保存，尚未提交").wait_for()
        studio.picture(form, "form-wide")
        studio.take_phone("form-phone", "staff", "/rounds/2023-07/gxj/")
        form.get_by_role("button", name="提交审核").click()
        form.get_by_text("已提交审核").wait_for()
    with studio.visit("reviewer", "/reviews/") as queue:
        queue.get_by_role("link", name="工信局").first.click()
        queue.get_by_role("button", name="通过", exact=True).wait_for()
        studio.picture(queue, "review-wide")
        studio.take_phone("review-phone", "reviewer", queue.url.removeprefix(studio.app.url))
    studio.take("board-wide", "reviewer", "/board/")
    studio.take_phone("board-phone", "reviewer", "/board/")


def type_example(form: Page) -> None:
    """July's industrial output, as nobody published it."""
    form.locator("[name=industrial_output-value]").fill("254.1")
    form.locator("[name=industrial_output-growth]").fill("16.2")
    form.locator("[name=industrial_output-rank_place]").fill("1")
    form.locator("[name=industrial_output-rank_by]").select_option("growth")
    form.locator("[name=industrial_output-note]").fill(EXAMPLE)


def upload_example(wizard: Page) -> None:
    """A month's sheet as an office keeps it, with one name that nobody knows; nothing of it is confirmed."""
    sheet = openpyxl.Workbook().active
    for row in (
        ["1—7月主要经济指标（截图示例）"],
        ["单位：亿元、%"],
        ["指标名称", "2023年1—7月", None],
        [None, "绝对量", "同比±%"],
        ["一、规模以上工业总产值", 254.1, 16.2],
        ["二、规模以上服务业营业收入", "—", "27.0%"],
        ["三、社会消费品零售总额", 88.3, -3.4],
        ["注：截图示例，不是真实数据。"],
    ):
        sheet.append(row)
    sheet.merge_cells("B3:C3")
    content = io.BytesIO()
    sheet.parent.save(content)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    wizard.locator("input[type=file]").set_input_files(
        {"name": "7月快报.xlsx", "mimeType": kind, "buffer": content.getvalue()}
    )
    wizard.get_by_role("button", name="上传并预览").click()
    wizard.get_by_text("它是哪一项").first.wait_for()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="重新生成截图")
    parser.add_argument("--whole", action="store_true", help="整页截图，写入 build/screenshots/，供逐页查看")
    whole = parser.parse_args().whole
    folder = WHOLE if whole else README
    folder.mkdir(parents=True, exist_ok=True)
    with serving.served() as app, serving.chromium() as browser:
        atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)  # made by tests.environment
        take_all(Studio(browser, app, folder, whole=whole))


if __name__ == "__main__":
    main()
