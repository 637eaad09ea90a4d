"""The names that programs import from `bridge`; importing this loads everything they stand on."""

from bridge.phone.answer import Answer
from bridge.phone.async_phone import AsyncAnswerStream, AsyncPhone, Source, connect_async
from bridge.phone.pictures import Picture
from bridge.phone.sync_phone import AnswerStream, Phone, connect
from bridge.spool import Capture

__all__ = [
    "Answer",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncPhone",
    "Capture",
    "Phone",
    "Picture",
    "Source",
    "connect",
    "connect_async",
]
