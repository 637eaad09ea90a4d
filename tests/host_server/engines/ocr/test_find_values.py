"""Which value a question gets from which layout: the table of everything the reader must be able to do."""

import pytest

from host_server.engines.ocr.reply import reply
from tests.support.layout import page

ORDER = """
My orders                               Help
Order No.                  20251122-884213  Copy
Order date                 22 Nov 2025, 10:41
Invoice No                 INV-77120
Status                     Out for delivery
Recipient                  Zhang Wei
Phone                      138****5521
Subtotal                   $199.00
Shipping                   $5.00
Total                      $204.00
Tracking code              ZX 9981 22
"""

STACKED = """
Order number         Order date
20251122-884213      22 Nov 2025

Carrier              Tracking code
FastShip             ZX-9981

Total
$204.00
"""

COLONS = """
Order details
Order No: 20251122-884213
Order date: 2025-11-22 10:41
Invoice No: 77120
Qty: 2 Unit price: $99.50 Total: $199.00
Status: Shipped
Ship to: Zhang Wei
Time: 12:30
See https://example.com:8080/orders
"""

CHINESE = """
我的订单
订单号：20251122-884213    复制
下单时间：2025-11-22 10:41:07
收货人：张伟
联系电话                         138****5521
收货地址                         上海市浦东新区
                                 世纪大道100号
订单状态                         待收货
商品合计                         ¥398.00
优惠                             -¥20.00
实付款                           ¥378.00
支付方式                         微信支付
运单号：SF1234567890
"""

MIXED = """
订单号 Order No 20251122-884213
下单时间 Order date 2025-11-22
合计 Total: ¥378.00
状态 Status    已发货 Shipped
Wi-Fi 密码    lens-bridge-42
"""

TABLE = """
Order       Item          Qty      Amount
4711        Headphones    2        $199.00

Total                     2        $204.00
"""

ROUTER = """
Network name (SSID):
Cafe Guest
Password:
lens bridge 42
Default IP
192.168.1.1
Serial: SN:4F-77
"""

ERROR = """
Installation failed
The app could not be installed because the storage is full.
Error code          0x80070070
Reason: not enough storage
OK
"""

SENTENCES = """
Thank you for your purchase!
Your order number is 884213-7. You will get a mail.
Expected delivery Tuesday 25 Nov
"""

CASES = [
    # label left, value right; similar labels apart
    (ORDER, "What is the order number?", "20251122-884213"),
    (ORDER, "order no", "20251122-884213"),
    (ORDER, "Please read the order number from this phone screenshot.", "20251122-884213"),
    (ORDER, "What's the number of the order?", "20251122-884213"),
    (ORDER, "订单号是多少？", "20251122-884213"),
    (ORDER, "When was it ordered?", "22 Nov 2025, 10:41"),
    (ORDER, "what is the order date", "22 Nov 2025, 10:41"),
    (ORDER, "invoice number?", "INV-77120"),
    (ORDER, "What is the status of my order?", "Out for delivery"),
    (ORDER, "Who is the recipient?", "Zhang Wei"),
    (ORDER, "收货人是谁？", "Zhang Wei"),
    (ORDER, "phone number", "138****5521"),
    (ORDER, "how much is the total", "$204.00"),
    (ORDER, "How much did I pay?", "$204.00"),
    (ORDER, "合计多少", "$204.00"),
    (ORDER, "what is the subtotal?", "$199.00"),
    (ORDER, "Tracking code", "ZX 9981 22"),
    (ORDER, "what is the shipping cost?", "$5.00"),
    # label above, value below, in two columns
    (STACKED, "What is the order number?", "20251122-884213"),
    (STACKED, "What is the order date?", "22 Nov 2025"),
    (STACKED, "Who is the carrier?", "FastShip"),
    (STACKED, "What is the tracking code?", "ZX-9981"),
    (STACKED, "total?", "$204.00"),
    # label and value in one box
    (COLONS, "What is the order number?", "20251122-884213"),
    (COLONS, "order date?", "2025-11-22 10:41"),
    (COLONS, "What is the invoice number?", "77120"),
    (COLONS, "quantity", "2"),
    (COLONS, "what's the unit price", "$99.50"),
    (COLONS, "What is the total?", "$199.00"),
    (COLONS, "status", "Shipped"),
    (COLONS, "who is it shipped to?", "Zhang Wei"),
    (COLONS, "what is the time?", "12:30"),
    # Chinese
    (CHINESE, "订单号是多少？", "20251122-884213"),
    (CHINESE, "请问这张截图里的订单编号是什么", "20251122-884213"),
    (CHINESE, "What is the order number?", "20251122-884213"),
    (CHINESE, "什么时候下单的？", "2025-11-22 10:41:07"),
    (CHINESE, "收货人是谁", "张伟"),
    (CHINESE, "收货人的电话", "138****5521"),
    (CHINESE, "手机号是多少", "138****5521"),
    (CHINESE, "送到哪里？", "上海市浦东新区 世纪大道100号"),
    (CHINESE, "What is the delivery address?", "上海市浦东新区 世纪大道100号"),
    (CHINESE, "订单的状态", "待收货"),
    (CHINESE, "一共付了多少钱", "¥378.00"),
    (CHINESE, "总价是多少", "¥378.00"),
    (CHINESE, "优惠了多少", "-¥20.00"),
    (CHINESE, "快递单号", "SF1234567890"),
    (CHINESE, "用什么支付方式", "微信支付"),
    # both languages on one page, and in one box
    (MIXED, "What is the order number?", "20251122-884213"),
    (MIXED, "订单号", "20251122-884213"),
    (MIXED, "order date", "2025-11-22"),
    (MIXED, "合计多少", "¥378.00"),
    (MIXED, "status?", "已发货 Shipped"),
    (MIXED, "What is the Wi-Fi password?", "lens-bridge-42"),
    (MIXED, "Wi-Fi密码是多少", "lens-bridge-42"),
    # a table's head; a row of several numbers
    (TABLE, "What is the quantity?", "2"),
    (TABLE, "Which item was ordered?", "Headphones"),
    (TABLE, "What is the total?", "$204.00"),
    # a colon with nothing behind it; brackets in a label
    (ROUTER, "What is the Wi-Fi password?", "lens bridge 42"),
    (ROUTER, "What is the SSID?", "Cafe Guest"),
    (ROUTER, "serial number", "SN:4F-77"),
    # dialogs and sentences
    (ERROR, "What is the error code?", "0x80070070"),
    (ERROR, "错误代码是什么", "0x80070070"),
    (ERROR, "what went wrong?", "not enough storage"),
    (SENTENCES, "What is the order number?", "884213-7"),
    # a label nobody knows
    ("Boarding group    B7\nGate    12", "What is the boarding group?", "B7"),
    ("Boarding group    B7\nGate    12", "boarding groop", "B7"),
    ("套餐名称：畅享版\n有效期：2027-01-01", "套餐名称是什么？", "畅享版"),
    ("Loyalty points: 1,250", "How many loyalty points do I have?", "1,250"),
    # OCR's slips: lost spaces, 0 for o, full-width signs, another case
    ("OrderNo：20251122-884213", "What is the order number?", "20251122-884213"),
    ("ORDERNUMBER    7781", "What is the order number?", "7781"),
    ("0rder Number    7781", "What is the order number?", "7781"),
    ("Ｏｒｄｅｒ Ｎｏ．：７７８１", "What is the order number?", "７７８１"),
    # values in several boxes
    ("Order No    SF 1234 5678", "order number?", "SF 1234 5678"),
    ("Tracking number    1Z  999  AA1", "tracking number?", "1Z 999 AA1"),
    # a field's form without any label
    ("ACME MARKET\n2025-11-22\nMilk    1.20", "What is the date?", "2025-11-22"),
    ("张伟 138****5521\n上海市浦东新区", "电话是多少", "138****5521"),
    ("Call Bob on 555-867-5309", "What is the phone number?", "555-867-5309"),
    ("Your parcel\nDelivered\n25 Nov", "What is the status?", "Delivered"),
]


@pytest.mark.parametrize(("drawing", "question", "value"), CASES)
def test_the_first_line_of_the_answer_is_the_value(drawing: str, question: str, value: str) -> None:
    assert reply(question, [page(drawing)]).splitlines()[0] == value
