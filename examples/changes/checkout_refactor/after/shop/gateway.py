"""The payment provider."""

from typing import Protocol


class GatewayError(Exception):
    """The provider refused."""


class Gateway(Protocol):
    async def charge(self, order: str, amount: int, *, key: str, timeout: float) -> str: ...

    async def confirm(self, receipt: str) -> None: ...

    async def refund(self, receipt: str, amount: int) -> None: ...
