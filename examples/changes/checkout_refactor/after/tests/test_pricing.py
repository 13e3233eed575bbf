from shop.pricing import discounted


def test_large_orders_are_cheaper() -> None:
    assert discounted(1000, 10) == 900
    assert discounted(1000, 9) == 1000
