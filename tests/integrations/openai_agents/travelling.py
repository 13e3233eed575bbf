"""A conversation of two agents and three tools, as a model would lead it, and the agents of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, function_tool
from openai import AsyncOpenAI

from integrations.llm import ToolCall
from integrations.llm.testing import Asked, Reply

FINAL = "Sunny in Paris, rain in Rome; booked: Paris-1."


def calls(*wanted: tuple[str, str, str]) -> Reply:
    """An answer that calls tools: (id, name, arguments)."""
    return Reply(tool_calls=[ToolCall(id=id, name=name, arguments=text) for id, name, text in wanted])


TURNS = (
    calls(("call_0", "transfer_to_guide", "{}")),
    calls(("call_1", "weather", '{"city": "Paris"}'), ("call_2", "weather", '{"city": "Rome"}')),
    calls(("call_3", "book", '{"city": "Paris"}')),
    Reply(FINAL),
)


def turn(asked: Asked) -> int:
    """How often the model has answered before, by what it is shown."""
    return sum(message["role"] == "assistant" for message in asked.body["messages"])


def script(asked: Asked) -> Reply:
    """What the model says depends on what it is shown only, as the answers of a real one would."""
    return TURNS[turn(asked)]


def told(asked: Sequence[Asked]) -> list[Mapping[str, Any]]:
    """The results of tools that the model was shown in the end."""
    return [message for message in asked[-1].body["messages"] if message["role"] == "tool"]


def model(url: str) -> OpenAIChatCompletionsModel:
    """The SDK's own chat model, with the retries of its client off."""
    return OpenAIChatCompletionsModel("m", AsyncOpenAI(base_url=url, api_key="none", max_retries=0))


def agent(url: str, used: Callable[[str], object]) -> Agent[Any]:
    """One agent that hands off to another one, which has the tools; `used` hears of each call."""

    @function_tool
    def weather(city: str) -> dict[str, str]:
        """The weather of a city."""
        used(f"weather {city}")
        return {"city": city, "sky": "sun" if city == "Paris" else "rain"}

    @function_tool
    def book(city: str) -> str:
        """Books a journey."""
        used(f"book {city}")
        return f"{city}-1"

    guide = Agent[Any]("guide", model=model(url), tools=[weather, book])
    return Agent[Any]("triage", model=model(url), handoffs=[guide])
