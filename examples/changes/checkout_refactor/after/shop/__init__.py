"""A small shop: carts, prices, payments, mails."""
