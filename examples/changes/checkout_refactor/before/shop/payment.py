"""Money in, money out."""

import logging
import os

from shop.gateway import Gateway, GatewayError

log = logging.getLogger(__name__)


class Payments:
    def __init__(self, gateway: Gateway, lock) -> None:
        self.gateway = gateway
        self.lock = lock
        self.paid: dict[str, str] = {}

    async def charge(self, order: str, amount: int) -> str:
        """Charges an order once, however often it is asked to."""
        async with self.lock:
            if order in self.paid:
                return self.paid[order]
            receipt = await self.gateway.charge(order, amount, key=self.api_key(), timeout=10)
            self.paid[order] = receipt
            await self.gateway.confirm(receipt)
            return receipt

    async def refund(self, order: str, amount: int) -> bool:
        receipt = self.paid.get(order)
        if receipt is None:
            return False
        try:
            await self.gateway.refund(receipt, amount)
        except GatewayError:
            log.exception("refund of %s failed", order)
            raise
        return True

    def api_key(self) -> str:
        return os.environ["GATEWAY_KEY"]
