"""What a customer is about to buy."""

from dataclasses import dataclass, field

from shop.pricing import discounted


@dataclass
class Item:
    sku: str
    price: int  # cents
    quantity: int = 1


@dataclass
class Cart:
    customer: str
    items: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        if item.quantity <= 0:
            raise ValueError(f"quantity of {item.sku} must be positive, not {item.quantity}")
        self.items.append(item)

    def remove_empty(self) -> None:
        for item in list(self.items):
            if item.quantity == 0:
                self.items.remove(item)

    def total(self) -> int:
        amount = sum(item.price * item.quantity for item in self.items)
        return discounted(amount, len(self.items))

    def snapshot(self) -> list[Item]:
        return list(self.items)
