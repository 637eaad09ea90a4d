"""The fields that pages of orders, receipts, tickets, routers and error messages have, in English and Chinese.

Each field has the labels it goes by (the most exact first), and a shape that its value must have. A field that is often
printed without any label also has a pattern by which it can be known.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from host_server.engines.ocr.words import content

__all__ = ["BY_LABEL", "FIELDS", "PHRASES", "Field", "Shape"]

Shape = Literal["any", "digits", "money", "words"]
"""`digits`: has a digit. `money`: the same, and of several numbers in a row the last. `words`: has a letter."""

_PHONE: Final = re.compile(
    r"(?<![0-9A-Za-z*-])(?:\+\d{1,3}[ -]?(?:\d[ -]?){7,12}|1\d\d[ -]?[\d*]{4}[ -]?\d{4}"
    r"|(?:\(\d{2,4}\) ?|\d{3}[ .-])\d{3,4}[ .-]\d{4}|0\d{2,3}-\d{7,8})(?![0-9A-Za-z*-])"
)
_DATE: Final = re.compile(
    r"\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? ?\d{1,2},? ?\d{4}"
    r"|\d{1,2} ?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,? ?\d{4}",
    re.IGNORECASE,
)
_MONEY: Final = re.compile(r"[¥￥$€£]\s?\d[\d,]*(?:\.\d{1,2})?|\d[\d,]*\.\d{2}\s?(?:元|USD|EUR|CNY|RMB)", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ERROR: Final = re.compile(
    r"\b0x[0-9a-f]{4,16}\b|\bE(?:RR)?[-_ ]?\d{2,6}\b|\bERR(?:_[A-Z]+)+\b|\b[A-Z]{2,}(?:_[A-Z0-9]+){2,}\b"
)
_STATUS: Final = re.compile(
    r"^(?:to be |out for |ready for )?(?:shipped|delivered|delivery|processing|pending|paid|unpaid|cancell?ed|completed"
    r"|refunded|in transit|pickup|confirmed)$"
    r"|^(?:已|待)(?:发货|付款|支付|完成|取消|签收|收货|退款|评价)$|^(?:运输|派送|配送)中$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """Something a page may state. `english` and `chinese` name it in answers."""

    english: str
    chinese: str
    labels: tuple[tuple[str, ...], ...]
    """The labels it goes by, each as comparable words, the most exact first."""
    shape: Shape
    pattern: re.Pattern[str] | None
    long: bool
    """Its value may run over several lines."""


def _field(labels: str, *, shape: Shape = "any", pattern: re.Pattern[str] | None = None, long: bool = False) -> Field:
    """Make a field of its labels, separated by `|`; the first English and the first Chinese one name it."""
    names = [label.strip() for label in labels.split("|")]
    english = next(name for name in names if name.isascii())
    chinese = next(name for name in names if not name.isascii())
    return Field(english, chinese, tuple(dict.fromkeys(content(name) for name in names)), shape, pattern, long)


FIELDS: Final = (
    _field(
        "order number|order id|order reference|order code|order|订单号|订单编号|订单号码|订单序号|单号|编号",
        shape="digits",
    ),
    _field(
        "tracking number|tracking code|tracking id|tracking|waybill number|waybill|shipment number|parcel number"
        "|运单号|快递单号|物流单号|运单编号|运单|快递编号",
        shape="digits",
    ),
    _field("invoice number|invoice id|invoice|发票号|发票号码|发票编号", shape="digits"),
    _field(
        "transaction number|transaction id|transaction|reference number|reference|receipt number|payment id"
        "|交易号|交易单号|交易编号|流水号|小票号|支付单号",
        shape="digits",
    ),
    _field(
        "order date|ordered on|order placed|order placed on|placed on|order time|purchase date|purchased on|ordered"
        "|下单时间|下单日期|订单日期|订单时间|创建时间|购买日期",
        shape="digits",
    ),
    _field(
        "delivery date|estimated delivery|estimated delivery date|expected delivery|delivery by|delivery time|arriving"
        "|arrives|arrives on|arrival date|estimated arrival|delivered on|delivery"
        "|预计送达|送达时间|预计到达|配送时间|预计送达时间|到货时间|送货时间",
        shape="digits",
    ),
    _field("payment date|paid on|payment time|支付时间|付款时间|付款日期", shape="digits"),
    _field(
        "expiry date|expiration date|expires|expires on|expiry|valid until|best before|有效期|有效期至|到期日|保质期至",
        shape="digits",
    ),
    _field("due date|payment due|due by|截止日期|还款日", shape="digits"),
    _field("date|date time|date issued|issued on|issued|日期|时间|开票日期", shape="digits", pattern=_DATE),
    _field("subtotal|items subtotal|小计|商品小计|商品总额", shape="money"),
    _field(
        "total|grand total|order total|total amount|amount due|total due|total price|total paid|amount paid|balance due"
        "|total to pay|you paid|sum|total cost|cost|amount"
        "|合计|总计|实付款|实付|实付金额|应付金额|应付|总金额|总价|总额"
        "|订单金额|订单总价|订单总额|共计|合计金额|支付金额|付款金额|金额",
        shape="money",
        pattern=_MONEY,
    ),
    _field("discount|savings|coupon|you saved|优惠|折扣|优惠券|立减", shape="money"),
    _field(
        "shipping|shipping fee|delivery fee|shipping cost|shipping and handling|postage|运费|配送费|快递费|邮费",
        shape="money",
    ),
    _field("tax|sales tax|vat|gst|税费|税额|增值税|税", shape="money"),
    _field("tip|gratuity|小费", shape="money"),
    _field("change|change due|找零", shape="money"),
    _field("unit price|price|price each|单价|价格|售价", shape="money"),
    _field("balance|available balance|余额|可用余额", shape="money"),
    _field("quantity|number of items|items|数量|件数", shape="digits"),
    _field(
        "status|order status|delivery status|shipping status|state|状态|订单状态|物流状态|当前状态", pattern=_STATUS
    ),
    _field(
        "recipient|ship to|deliver to|delivered to|consignee|receiver|recipient name|shipping to"
        "|customer|customer name|buyer|bill to"
        "|收货人|收件人|收货人姓名|收件人姓名|客户|买家",
        shape="words",
    ),
    _field("sender|ship from|shipped by|sent by|发件人|寄件人|发货人", shape="words"),
    _field(
        "phone number|phone|contact number|contact|call us|电话|手机号|手机|联系电话|手机号码|电话号码|联系方式",
        shape="digits",
        pattern=_PHONE,
    ),
    _field("email|email address|邮箱|电子邮箱|电子邮件|邮箱地址", pattern=_EMAIL),
    _field(
        "address|delivery address|shipping address|ship to address|street address|location"
        "|地址|收货地址|收件地址|配送地址|送货地址",
        long=True,
    ),
    _field("payment method|paid with|payment|paid by|pay with|payment type|支付方式|付款方式"),
    _field(
        "carrier|courier|shipping carrier|delivery company|shipped via|快递|快递公司|物流公司|承运商|物流",
        shape="words",
    ),
    _field("shipping method|delivery method|配送方式|送货方式"),
    _field("wifi name|ssid|network name|network|wifi network|wifi|无线名称|网络名称|无线网络|网络"),
    _field(
        "wifi password|password|wifi key|network key|security key|wifi code|key"
        "|密码|无线密码|wifi密码|网络密码|无线网密码"
    ),
    _field("username|user name|login|account|account name|用户名|账号|账户|登录名"),
    _field("error code|stop code|code|错误代码|错误码|故障代码|代码", pattern=_ERROR),
    _field("error message|error|reason|cause|错误信息|错误|失败原因|原因|错误提示", long=True),
    _field("pickup code|collection code|pick up code|取件码|取货码|提货码", shape="digits"),
    _field("verification code|security code|otp|one time code|验证码|校验码", shape="digits"),
    _field("serial number|serial|sn|序列号|产品序列号", shape="digits"),
    _field("imei|串号", shape="digits"),
    _field("version|software version|android version|app version|版本|版本号|软件版本", shape="digits"),
    _field("model|model name|model number|型号|设备型号|产品型号"),
    _field("item|product|product name|item name|商品|商品名称|品名|产品"),
    _field("store|merchant|shop|seller|sold by|商家|店铺|商户|商户名称|卖家", shape="words"),
    _field("cashier|server|served by|收银员|服务员", shape="words"),
    _field("table number|table|桌号|台号", shape="digits"),
    _field("flight|flight number|航班|航班号", shape="digits"),
    _field("gate|登机口|检票口"),
    _field("seat|seat number|座位|座位号"),
    _field("departure time|departure|departs|出发时间|起飞时间|发车时间", shape="digits"),
    _field("name|full name|姓名|名字|名称", shape="words"),
    _field("ip address|ip|ip地址"),
    _field("note|notes|remark|remarks|备注|留言", long=True),
)


PHRASES: Final = {label: field for field in reversed(FIELDS) for label in field.labels}
"""Every known label, as comparable words, to its field; the earlier field wins."""

BY_LABEL: Final = {"".join(label): field for label, field in PHRASES.items()}
"""The same with the words run together, for labels that lost their spaces."""
