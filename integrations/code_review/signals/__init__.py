"""What a change did to behaviour, asked as questions: the syntax tree before against the one after.

`pairing` finds the function that each function was, `canonical` takes out what cannot matter, `alignment`
finds the statement that each statement was. A family is a function from one `FunctionChange` to signals; a
loss is reported only when the lost thing stands nowhere else in the new function, nor in a new one that it
calls.
"""
