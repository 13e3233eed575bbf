"""What customers read."""

from html import escape


def confirmation(name: str, order: str, total: int) -> str:
    greeting = f"<h1>Thank you, {escape(name)}!</h1>"
    euros = total / 100
    return f"{greeting}<p>Your order {order} over {euros:.2f} EUR is on its way.</p>"


def reminder(name: str, days: int) -> str:
    day_word = "day" if days == 1 else "days"
    return f"<p>{escape(name)}, your cart waits for {days} {day_word}.</p>"
