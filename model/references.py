"""Order and tracking numbers in a text: told apart by the word before them, by a carrier's prefix, or by their length.

A number without such a word needs twelve digits or more; phones, identity cards, bank cards, barcodes, serial and
batch numbers, hot-lines and everything a mask touches are neither.
"""

import re
from collections.abc import Iterator

from model.numbers import find_numbers

__all__ = ["find_references"]

CODE = re.compile(
    r"(?<![a-z0-9_*-])(?:(?:sf|yt|jt|jd|zto|sto|yd|dpk) (?=[0-9]{3}))?"
    r"[a-z0-9](?:[a-z0-9_]|-(?=[a-z0-9]))*+(?![*@]|[.:][0-9])"
)
GROUPS = re.compile(r"(?: [0-9]{2,8}(?![0-9a-z*-])){1,8}")
SPLIT = re.compile("[0-9]{3,8}|[a-z]{2,3} ?[0-9]{3,6}")
CARRIER = (
    "顺丰|圆通|中通|申通|韵达|百世|汇通|极兔|京东快递|京东物流|邮政|德邦|菜鸟|丹鸟|天天快递|跨越|优速|安能|宅急送"
    "|快递|速递|速运|物流|运单|ems"
)
PREFIXED = re.compile(
    "(?:sf[0-9]{10,15}|yt[0-9]{12,16}|jt[0-9]{12,15}|jd[a-z]{0,3}[0-9]{10,15}|zto?[0-9]{10,15}|sto[0-9]{10,15}"
    "|dp[kl][0-9]{9,14}|db[0-9]{9,14}|lp[0-9]{12,18}|ht(?:ky)?[0-9]{11,15}|yd[0-9]{12,15}|yz[0-9]{11,15}"
    "|tt[0-9]{11,15}|ems[0-9]{10,13}|kye?[0-9]{11,15}|uc[0-9]{11,14}|zjs[0-9]{10,14}|[a-z]{2}[0-9]{9}[a-z]{2})"
)
LABEL = re.compile(
    "(?:(?P<other>电话|手机|座机|热线|拨打|致电|来电|身份证|证件|护照|卡号?|[账帐]号|账户|户号|尾号|末尾|后[四六4]位|工号"
    "|会员|学号|序列|sn|imei|批[号次]|条码|条形码|型号|货号|款号|发票|税号|车牌|航班|车次|取件|提货|验证|兑换|券|密码|qq|微信"
    "|邮编|合同|编[号码]|版本|代码|防伪|房[号间]|邀请|打了?)"
    f"|(?P<tracking>(?:{CARRIER}|包裹|邮件|货运|派[件送]|寄件|发货|面(?=单))"
    "(?:公司|快递|速递|速运|物流|的)*+(?:单子|运单|单)?)"
    "|(?P<order>订单|工单|保单|交易|流水|商户|支付|退款单|售后单|预约单|送修单|order|单))"
    r"(?P<named>编?号码?|单号|编码|编号|id|码)?"
    r"(?:no\.?|[是为:#(（【\[“\"'「 ]|分别|如下|我的|写[的着]|显示|给的|在这){0,4}$"
)
ALSO = re.compile("[ ]?(?:[和、,，及与/;；]|以及|还有)[ ]?")
COUNTED = re.compile("[元块年月日号个件条天次单瓶箱字人名位斤克米多万千百份张套台分毛折%倍只双款小时点]")
PARCEL = re.compile(f"{CARRIER}|包裹|快件|驿站|签收|派件|派送")
DAY = re.compile("20[0-9]{2}-?(?:0?[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01]|[1-9])")
BARCODE = re.compile("69[0-9]{11}")
MOBILE = re.compile("1[3-9][0-9]{9}")
GLUED = re.compile("[a-z]{1,6}[0-9_-]{10,30}")
LOOK = 18  # characters before a number in which its word may stand
NEAR = 30  # characters before and behind in which a parcel may be spoken of


def find_references(view: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of order and tracking numbers in a normalised text, in order.

    Each number is looked at once, so time grows linearly.

    >>> list(find_references("订单20260305123456789,顺丰sf1380013800012,电话13800138000"))
    [(2, 19, 'order'), (22, 37, 'tracking')]
    """
    last, last_kind = 0, ""
    for match in CODE.finditer(view):
        start, end = match.span()
        if start < last or not 4 <= end - start <= 40:
            continue
        digits = sum(map(match[0].count, "0123456789"))
        if digits < 5 and not GROUPS.match(view, end):
            continue
        label = LABEL.search(view, max(0, start - LOOK), start)
        if label is not None and label["other"] is None and SPLIT.fullmatch(match[0]):
            end, digits = join_groups(view, start, end, digits)
        code = view[start:end].replace(" ", "")
        kind = judge(view, start, end, code, digits, label)
        if kind is None and label is None and last_kind and start - last <= 4 and ALSO.fullmatch(view, last, start):
            kind = last_kind if digits >= 8 and not DAY.fullmatch(code) else None
        if kind is not None:
            yield start, end, kind
            last, last_kind = end, kind


def join_groups(view: str, start: int, end: int, digits: int) -> tuple[int, int]:
    """Where a number written in groups (5260 1008 7733 1290) ends, and how many digits it has."""
    groups = GROUPS.match(view, end, end + 40)
    if groups is None or COUNTED.match(view, groups.end()):
        return end, digits
    joined = len(view[start : groups.end()].replace(" ", ""))
    return (groups.end(), joined) if 10 <= joined <= 32 else (end, digits)


def judge(view: str, start: int, end: int, code: str, digits: int, label: re.Match[str] | None) -> str | None:
    """What a number is: order, tracking, or None; `label` is the word that announces it."""
    if label is not None and label["other"]:
        return None
    ordered = label is not None and label["order"] is not None and label["order"] != "单"
    if not ordered and PREFIXED.fullmatch(code):
        return "tracking"
    if DAY.fullmatch(code) and ("-" in code or label is None or label["named"] is None):
        return None
    if label is None:
        return judge_bare(view, start, end, code, digits)
    if digits < 9 and COUNTED.match(view, end) and not (label["named"] and digits > 6):
        return None
    if label["named"] is None and MOBILE.fullmatch(code):
        return None
    if label["tracking"] is not None:
        return "tracking" if digits >= 8 else None
    return "order" if digits >= 5 else None


def judge_bare(view: str, start: int, end: int, code: str, digits: int) -> str | None:
    """What a number is that no word announces: by its length, and whether a parcel is spoken of."""
    if digits < 12 and not (digits >= 10 and GLUED.fullmatch(code)):
        return None
    if not (code.isdigit() or GLUED.fullmatch(code)) or BARCODE.fullmatch(code):
        return None
    if view[start - 1 : start] in tuple("/=.@+¥%号码") or COUNTED.match(view, end) or len(code) > 32:
        return None
    first = max(0, start - LOOK)
    if code.isdigit() and any(
        first + at < end and first + stop > start for at, stop, _ in find_numbers(view[first:end])
    ):
        return None
    parcel = len(code) <= 15 and PARCEL.search(view, max(0, start - NEAR), end + NEAR) is not None
    return "tracking" if parcel else "order"
