"""Discounts."""

BULK_FROM = 10


def discounted(amount: int, items: int) -> int:
    """The amount in cents, with the discount for large orders."""
    if items > BULK_FROM:
        return amount - amount // 10
    return amount


def coupon_value(amount: int, coupon: dict) -> int:
    """What a coupon takes off."""
    if coupon["minimum"] <= amount:
        return min(coupon["value"], amount)
    return 0
