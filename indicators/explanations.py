"""What counts as an explanation of a finding (domain rules §7). Pure: standard library only."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext

MIN_LENGTH: Final = 6  # letters, digits and characters; signs do not count
# Words that explain nothing, alone or together: a text that consists of these and of fillers only is refused.
STOCK_PHRASES: Final = (
    *("核实无误", "核对无误", "确认无误", "审核无误", "数据无误", "填报无误", "情况属实", "数据属实", "数据真实"),
    *("数据准确", "真实准确", "真实有效", "真实可靠", "符合实际", "实际情况", "如实填报", "据实填报", "按实填报"),
    *("正常波动", "正常变动", "正常变化", "正常增长", "正常情况", "合理波动", "合理范围", "无异常", "没有异常"),
    *("无问题", "没有问题", "同上", "同上月", "同上期", "见上月", "企业反馈", "企业确认", "部门确认"),
)
FILLERS: Final = (
    *("核实", "核对", "确认", "审核", "无误", "属实", "正常", "真实", "准确"),
    *("数据", "数字", "情况", "本月", "本期", "当月", "本单位", "我局", "再次"),
    *("属于", "经", "已", "该", "均", "属", "为", "系", "是"),
    *("的", "在", "并", "且", "无"),
)
_EMPTY: Final = re.compile("|".join(sorted((*STOCK_PHRASES, *FILLERS), key=len, reverse=True)))


def explanation_problem(text: str, previous_text: str) -> str:
    """Why a text does not explain a finding, in words for the person who wrote it; empty when it does.

    At least 6 characters, no mere stock phrase (核实无误, 正常波动), not the text of the slot before. Domain §7.
    """
    words = _words(text)
    if not words:
        return gettext("还没有写说明")
    if not _EMPTY.sub("", words):
        return gettext("说明是套话，没有讲原因")
    if len(words) < MIN_LENGTH:
        return gettext("说明只有%(words)s个字，至少要%(min_length)s个字") % {
            "words": len(words),
            "min_length": MIN_LENGTH,
        }
    if is_same_text(text, previous_text):
        return gettext("说明与上期一字不差，请写本期的原因")
    return ""


def is_same_text(text: str, previous_text: str) -> bool:
    """Whether both say the same, signs apart; a text that says nothing is the same as none."""
    words = _words(text)
    return bool(words) and words == _words(previous_text)


def _words(text: str) -> str:
    return "".join(character for character in text if character.isalnum())
