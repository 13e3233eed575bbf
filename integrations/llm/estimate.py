"""How many tokens a request takes, before or where nobody reports it. Loads a vocabulary when first used."""

from __future__ import annotations

from integrations.llm.answer import Answer
from integrations.llm.request import AnyRequest
from integrations.llm.usage import Usage

__all__ = ["estimated", "estimated_input"]


def estimated_input(request: AnyRequest) -> int:
    """Tokens of its messages, its tools and the wanted form."""
    from integrations.tokens import count_messages, count_tokens

    tokens = count_messages(request.messages, model=request.model).tokens
    extras = [*request.tools, *([request.wanted.model_json_schema()] if request.wanted else [])]
    return tokens + sum(count_tokens(str(extra), model=request.model).tokens for extra in extras)


def estimated(request: AnyRequest, answer: Answer) -> Usage:
    """For a server that does not say what an answer took."""
    from integrations.tokens import count_tokens

    texts = (answer.text, answer.refusal or "", *(call.arguments for call in answer.tool_calls))
    output = sum(count_tokens(text, model=request.model).tokens for text in texts)
    return Usage(input=estimated_input(request), output=output)
