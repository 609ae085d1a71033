"""The view of a text: equal for variants of one sentence, with offsets back into what was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import TextError
from model.text import check_text, normalise, normalise_map


def test_every_traditional_character_becomes_what_opencc_says() -> None:
    from opencc import OpenCC

    oracle = OpenCC("t2s")
    letters = [chr(point) for point in (*range(0x3400, 0xA000), *range(0x20000, 0x2FA1E))]
    wrong = [letter for letter in letters if normalise(letter) != oracle.convert(letter)]
    assert wrong == []


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("總是閃退，退款沒到賬", "总是闪退，退款没到账"),
        ("ＡＰＰ　閃退！", "app 闪退!"),
        ("總結(jié)一下(xià)", "总结一下"),
        ("快\u200b递\ufeff慢", "快递慢"),
        ("  快递\t\r\n  慢\u3000 ", "快递 慢"),
        ("HELLO客服", "hello客服"),
    ],
)
def test_variants_read_alike(raw: str, clean: str) -> None:
    assert normalise(raw) == normalise(clean)


@pytest.mark.parametrize("kept", ["气死我了[捂脸]", "用app(ios)闪退", "第(a)条", "😡😡"])
def test_emoji_and_ordinary_brackets_stay(kept: str) -> None:
    assert normalise(kept) == kept


@given(st.text(max_size=200))
def test_a_view_is_its_own_view_and_its_offsets_rise(text: str) -> None:
    view, where = normalise_map(text)
    assert normalise(view) == view or "(" in view  # a bracket left alone may close on pinyin that was behind it
    assert len(view) == len(where)
    assert list(where) == sorted(set(where.tolist()))
    assert all(0 <= at < len(text) for at in where.tolist())


def test_an_offset_names_the_character_it_came_from() -> None:
    text = "　總結(jié)，客服 態度差"
    view, where = normalise_map(text)
    at = view.index("态")
    assert text[where[at]] == "態"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (12, "int"),
        (None, "NoneType"),
        ("", "empty"),
        (" \u3000\n", "blank"),
        ("\u200b\u200b", "blank"),
        ("快递\x00慢", "offset 2"),
        ("快递\ud800慢", "offset 2"),
        ("慢" * 20_001, "20,001"),
    ],
)
def test_what_cannot_be_classified_is_told_in_one_sentence(bad: object, said: str) -> None:
    with pytest.raises(TextError) as caught:
        check_text(bad)
    message = str(caught.value)
    assert said in message
    assert message.endswith(".")
    assert "\n" not in message


def test_a_limit_of_ones_own() -> None:
    assert check_text("慢" * 50, longest=50) == "慢" * 50
    with pytest.raises(TextError, match="51 characters, 50 are allowed"):
        check_text("慢" * 51, longest=50)
