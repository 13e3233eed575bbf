"""What customers read."""

from html import escape


def confirmation(name: str, order: str, total: int) -> str:
    amount = f"{total / 100:.2f} EUR"
    return f"<h1>Thank you, {name}!</h1><p>Your order {order} over {amount} is on its way.</p>"


def reminder(name: str, days: int) -> str:
    day_word = "day" if days == 1 else "days"
    return f"<p>{escape(name)}, your cart waits for {days} {day_word}.</p>"
