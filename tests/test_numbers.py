"""Figures: properties, and named cases by hand (domain notes, sections 1, 3, 8; trust item 7)."""

import pickle
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvyuan.numbers import (
    UNITS,
    NullReason,
    NumberError,
    ParsedFigure,
    Rounding,
    convert,
    format_figure,
    format_signed_pp,
    get_unit,
    growth_interval,
    parse_figure,
    plain,
    round_to,
    rounding_interval,
)

D = Decimal
decimals = st.decimals(
    min_value=D("-1e15"), max_value=D("1e15"), places=3, allow_nan=False, allow_infinity=False
) | st.integers(-(10**15), 10**15).map(Decimal)
units = st.sampled_from(list(UNITS))
comparators = st.sampled_from(["=", ">", "<", ">=", "<=", "~"])
same_dimension = st.tuples(units, units).filter(lambda pair: UNITS[pair[0]].dimension == UNITS[pair[1]].dimension)
FULL_WIDTH = str.maketrans("0123456789.+-%", "０１２３４５６７８９．＋－％")


# Parsing


@given(decimals, st.sampled_from(["", *UNITS]), comparators)
def test_parse_figure_reads_what_format_writes(value, unit, comparator):
    text = format_figure(value, unit=unit, comparator=comparator)
    figure = parse_figure(text)
    assert (figure.value, figure.comparator, figure.unit) == (value, comparator, unit or None)
    assert plain(figure.value) == plain(value)
    assert format_figure(figure.value, printed=figure.printed) == text


@given(decimals, units)
def test_parse_figure_full_width(value, unit):
    text = format_figure(value, unit=unit)
    assert parse_figure(text.translate(FULL_WIDTH)).value == value


@given(st.integers(0, 10**15))
def test_parse_figure_thousands(value):
    assert parse_figure(f"{value:,}").value == value
    assert parse_figure(f"{value:,}".replace(",", "，")).value == value


@given(st.text() | st.text("0123456789.,+-−_eEx%亿万百千元户余近约超级NaInf²٣１．， ") | st.text("0123456789.,-"))
def test_parse_figure_garbage_is_refused_or_kept(text):
    try:
        figure = parse_figure(text)
    except NumberError as error:
        assert error.text == text
        return
    assert figure.printed == text
    assert (figure.value is None) == (figure.null_reason is not None)
    if figure.value is not None:
        assert type(figure.value) is Decimal
        assert figure.value.is_finite()
        printed = re.findall("[0-9]", text.translate(str.maketrans("１", "1")))
        shown = re.findall("[0-9]", plain(figure.value))
        assert printed in ([], shown)


@pytest.mark.parametrize(
    ("text", "value", "comparator", "unit"),
    [
        # the article's figures (domain notes, section 1)
        ("223.7亿元", "223.7", "=", "亿元"),
        ("3.7万户", "3.7", "=", "万户"),
        ("450余", "450", ">", None),
        ("450余万元", "450", ">", "万元"),
        ("240余家", "240", ">", "家"),
        ("近万", "10000", "<", None),
        ("近万人次", "10000", "<", "人次"),
        ("百亿级", "100", ">=", "亿元"),
        ("千亿级", "1000", ">=", "亿元"),
        ("17.1个百分点", "17.1", "=", "个百分点"),
        # other wordings
        ("约80", "80", "~", None),
        ("约80平方公里", "80", "~", "平方公里"),
        ("超100", "100", ">", None),
        ("超过100亿元", "100", ">", "亿元"),
        ("逾100", "100", ">", None),
        ("突破100", "100", ">", None),
        ("不足100", "100", "<", None),
        ("近100家", "100", "<", "家"),
        ("不低于400亿元", "400", ">=", "亿元"),
        ("不超过4%", "4", "<=", "%"),
        ("近百亿元", "100", "<", "亿元"),
        ("万余户", "10000", ">", "户"),
        ("百亿元级", "100", ">=", "亿元"),
        # digits as published (domain notes, section 8)
        ("17", "17", "=", None),
        ("17.0", "17.0", "=", None),
        ("21.37", "21.37", "=", None),
        ("17%", "17", "=", "%"),
        ("17％", "17", "=", "%"),
        ("1.54个百分点", "1.54", "=", "个百分点"),
        ("-6.0%", "-6.0", "=", "%"),
        ("−6.0", "-6.0", "=", None),
        ("－６．０", "-6.0", "=", None),
        ("+3.5%", "3.5", "=", "%"),
        ("1,234,567.8", "1234567.8", "=", None),
        ("1，234，567.8", "1234567.8", "=", None),
        ("２２３．７", "223.7", "=", None),
        (" 223.7 亿元\u3000", "223.7", "=", "亿元"),
        ("1.5万亿元", "1.5", "=", "万亿元"),
        ("3位", "3", "=", "位"),
        ("0", "0", "=", None),
        ("0.0", "0.0", "=", None),
    ],
)
def test_parse_figure_reads(text, value, comparator, unit):
    figure = parse_figure(text)
    assert figure == ParsedFigure(
        value=D(value), comparator=comparator, unit=unit, printed=text, null_reason=None, text=None
    )
    assert str(figure.value) == value


@pytest.mark.parametrize(
    "text",
    # trust item 7: what Decimal(), float() or NFKC would let through
    ["1_000", "١٢٣", "5²", "1e400", "1e5", "1E5", "NaN", "nan", "Infinity", "inf", "0x10", "①"]
    + ["1.2.3", "1,23", "12,34,567", "1234,567", ",123", "0,123", "1,234,", "1,2345"]
    + ["+", "−", "－", ".", "--6", "+-6", "6-", "- 6", "1 000", "1, 234", "５ ０"]
    + ["007", ".5", "5.", "00.5", "(6.0)", "（6.0）", "–6.0", "#", "#12", "6%%", "6亿", "3.7万"]
    + [
        "万",
        "百亿",
        "万户",
        "近",
        "余",
        "近450余",
        "约约80",
        "-450余",
        "12亿级",
        "近百亿级",
        "百级",
    ]
    + ["下降6.0%", "增长17%", "动态清零", "450余余", "450万余元", "6.0pp", "*", "**", "....", "———"]
    + ["\u200b1", "1\n2", "１２３４５６７８９０" * 5, "持平6"],
)
def test_parse_figure_refuses(text):
    with pytest.raises(NumberError) as caught:
        parse_figure(text)
    assert caught.value.text == text
    assert text[:40] in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem"),
    [("#", "其中"), ("下降6.0%", "方向词"), ("(6.0)", "括号"), ("1,23", "千位"), ("x", "写法")],
)
def test_parse_figure_says_why(text, problem):
    with pytest.raises(NumberError, match=problem):
        parse_figure(text)


@pytest.mark.parametrize("value", [3480.0, 17, D("17"), b"17"])
def test_parse_figure_takes_text_only(value):
    with pytest.raises(TypeError):
        parse_figure(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    # domain notes, section 8: null reasons differ
    [(text, NullReason.NOT_AVAILABLE) for text in ("", " ", "\u3000", None, "NA", "N/A", "n.a.")]
    + [(text, NullReason.BELOW_UNIT) for text in ("…", "……", "...", " … ")]
    + [(text, NullReason.NOT_APPLICABLE) for text in ("—", "——", "–", "-", "--", "/")]
    + [(text, NullReason.SUPPRESSED) for text in ("***", "****")],
)
def test_parse_figure_null_marks(text, reason):
    assert parse_figure(text, unit="亿元") == ParsedFigure(
        value=None, null_reason=reason, unit="亿元", printed=text or ""
    )


def test_parse_figure_unchanged_is_zero_growth():
    figure = parse_figure("持平", unit="%")
    assert (figure.value, figure.text, figure.unit) == (D(0), "持平", "%")
    assert format_figure(figure.value, unit="%", printed=figure.printed) == "持平"


def test_parse_figure_unchanged_is_no_level():
    with pytest.raises(NumberError, match="增速"):
        parse_figure("持平", unit="亿元")


def test_parse_figure_column_unit_completes():
    assert parse_figure("223.7", unit="亿元").unit == "亿元"
    assert parse_figure("223.7亿元", unit="亿元").unit == "亿元"
    assert parse_figure("17", unit="％").unit == "%"
    assert parse_figure("近万", unit="人次").unit == "人次"


def test_parse_figure_column_unit_conflict_is_refused():
    # domain notes, section 8: ×10^4 slips are the classic error
    with pytest.raises(NumberError, match="亿元.*万元"):
        parse_figure("223.7亿元", unit="万元")
    with pytest.raises(NumberError, match="万人次"):
        parse_figure("近万", unit="万人次")
    with pytest.raises(NumberError, match="计量单位"):
        parse_figure("1", unit="匹")


def test_number_error_survives_a_child_process():
    copy = pickle.loads(pickle.dumps(NumberError("x", "不是数字", "请核对")))
    assert str(copy) == "数据“x”：不是数字。请核对。"


# Units


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        ("223.7", "亿元", "万元", "2237000"),
        ("2237000", "万元", "亿元", "223.7"),
        ("400", "亿元", "元", "40000000000"),
        ("1", "元", "万亿元", "0.000000000001"),
        ("3.7", "万户", "户", "37000"),
        ("80", "平方公里", "万平方米", "8000"),
        ("1.5", "%", "‰", "15"),
        ("0.0", "亿元", "万元", "0"),
        ("-17.0", "千元", "百万元", "-0.017"),
        ("17.0", "亿元", "亿元", "17.0"),
    ],
)
def test_convert_exact(value, source, target, expected):
    result = convert(D(value), source, target)
    assert plain(result) == expected
    assert abs(result) < D("0.000001") or str(result) == expected


@given(decimals, same_dimension)
def test_convert_there_and_back(value, pair):
    source, target = pair
    assert convert(convert(value, source, target), target, source) == value


@pytest.mark.parametrize(
    ("source", "target"),
    # domain notes, section 3: a difference of rates is 百分点, never %
    [("%", "个百分点"), ("人", "户"), ("人", "人次"), ("亿元", "%"), ("倍", "%"), ("家", "个")],
)
def test_convert_across_dimensions_is_refused(source, target):
    with pytest.raises(NumberError, match="不可换算"):
        convert(D(1), source, target)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_non_finite_is_refused(value):
    for use in (
        plain,
        rounding_interval,
        lambda d: convert(d, "亿元", "元"),
        lambda d: round_to(d, 1),
    ):
        with pytest.raises(NumberError):
            use(D(value))


def test_get_unit_unknown_is_refused():
    assert get_unit("％") is UNITS["%"]
    with pytest.raises(NumberError, match="亿"):
        get_unit("亿")


# Rounding


@pytest.mark.parametrize(
    ("value", "places", "half_up", "truncated"),
    [
        # domain notes, section 4: 97.2 % − 10/12 is +13.87, published +13.8
        ("13.8666", 1, "13.9", "13.8"),
        # trust item 7: round(2.5) is 2, floatformat gives 3
        ("2.5", 0, "3", "2"),
        ("-2.5", 0, "-3", "-2"),
        ("2.45", 1, "2.5", "2.4"),
        ("17", 1, "17.0", "17.0"),
        ("-0.04", 1, "0.0", "0.0"),
    ],
)
def test_round_to_modes(value, places, half_up, truncated):
    assert str(round_to(D(value), places)) == half_up
    assert str(round_to(D(value), places, Rounding.TRUNCATE)) == truncated


def test_round_to_none_stays_none():
    assert round_to(None, 1) is None


def test_round_to_negative_places_is_refused():
    with pytest.raises(ValueError, match="places"):
        round_to(D(1), -1)


@given(decimals, st.integers(0, 4))
def test_round_to_is_near(value, places):
    unit = D(1).scaleb(-places)
    assert abs(round_to(value, places) - value) <= unit / 2
    assert 0 <= abs(value) - abs(round_to(value, places, Rounding.TRUNCATE)) < unit


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("10.44", "10.435", "10.445"),
        ("450", "449.5", "450.5"),
        ("17.0", "16.95", "17.05"),
        ("-6.0", "-6.05", "-5.95"),
        ("1E+3", "500", "1500"),
    ],
)
def test_rounding_interval_half_unit(value, low, high):
    assert rounding_interval(D(value)) == (D(low), D(high))


def test_growth_interval_of_the_domain_case():
    # domain notes, section 3: 10.44/10.12 lies in [3.06, 3.26], so a published 3.1 agrees.
    # By hand: 10.435/10.125 = 1.0306173, 10.445/10.115 = 1.0326248.
    low, high = growth_interval(D("10.44"), D("10.12"))
    assert (round_to(low, 4), round_to(high, 4)) == (D("3.0617"), D("3.2625"))
    assert (round_to(low, 2), round_to(high, 2)) == (D("3.06"), D("3.26"))
    assert low < D("3.1") < high


def test_growth_interval_is_outward():
    # 1.5/3.5 = -57.142857… % and 2.5/2.5 = 0 %
    low, high = growth_interval(D(2), D(3))
    assert low <= D("-57.14285714285714285714285714") < high == 0


@pytest.mark.parametrize(
    ("base", "meaningless"),
    # 0.4 lies in 0.35 … 0.45; 0.0 in -0.05 … 0.05; 1E+1 in 5 … 15
    [("0", True), ("0.0", True), ("-3", True), ("0.4", False), ("1E+1", False), ("0E+1", True)],
)
def test_growth_interval_base_at_zero(base, meaningless):
    assert (growth_interval(D(5), D(base)) is None) is meaningless


def test_growth_interval_negative_current():
    # −1.5/3.5 = −42.9 %, so −142.9 % … and −2.5/2.5 = −1, so −200 %
    low, high = growth_interval(D(-2), D(3))
    assert low == -200
    assert round_to(high, 1) == D("-142.9")


@given(decimals, st.integers(1, 10**9).map(Decimal))
def test_growth_interval_holds_the_quotient(current, base):
    low, high = growth_interval(current, base)
    assert low <= (current - base) * 100 / base <= high


# Display


@pytest.mark.parametrize(
    ("value", "text"),
    [("2.237E+6", "2237000"), ("17.0", "17.0"), ("1E-7", "0.0000001"), ("-6.0", "-6.0")],
)
def test_plain_has_no_exponent(value, text):
    assert plain(D(value)) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"value": D("223.7"), "unit": "亿元"}, "223.7亿元"),
        ({"value": D("450"), "unit": "家", "comparator": ">"}, "超450家"),
        ({"value": D("450"), "unit": "家", "comparator": ">", "printed": "450余家"}, "450余家"),
        ({"value": D("80"), "comparator": "~"}, "约80"),
        ({"value": None}, ""),
        ({"value": None, "printed": "—"}, "—"),
    ],
)
def test_format_figure_text(arguments, text):
    value = arguments.pop("value")
    assert format_figure(value, **arguments) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("6.9", "+6.9个百分点"),
        ("-0.5", "-0.5个百分点"),
        ("0.0", "0.0个百分点"),
        ("-0.0", "0.0个百分点"),
        ("17", "+17个百分点"),
    ],
)
def test_format_signed_pp(value, text):
    assert format_signed_pp(D(value)) == text
