"""A conversation of an agent with three tools, one of which asks another agent; and what the models say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, FunctionToolset
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from integrations.llm import ToolCall
from integrations.llm.testing import Asked, Reply
from integrations.pydantic_ai import Durability


class Journey(BaseModel):
    """What the agent comes to."""

    city: str
    price: int


class Weather(BaseModel):
    """What a tool gives."""

    city: str
    sky: str


def calls(*wanted: tuple[str, str, str]) -> Reply:
    """An answer that calls tools: (id, name, arguments)."""
    return Reply(tool_calls=[ToolCall(id=id, name=name, arguments=text) for id, name, text in wanted])


TURNS = (
    calls(("call_1", "weather", '{"city": "Paris"}'), ("call_2", "weather", '{"city": "Rome"}')),
    calls(("call_3", "ask_the_bank", '{"city": "Paris"}')),
    calls(("call_4", "final_result", '{"city": "Paris", "price": 7}')),
)
BANK = (calls(("call_5", "rate", "{}")), Reply("7"))
RESULT = "Journey(city='Paris', price=7)"
USED = ["used rate", "used weather Paris", "used weather Rome"]


def turn(asked: Asked) -> int:
    """How often the model has answered before, by what it is shown."""
    return sum(message["role"] == "assistant" for message in asked.body["messages"])


def script(asked: Asked) -> Reply:
    """What the model says depends on what it is shown only, as the answers of a real one would."""
    return (BANK if asks_bank(asked) else TURNS)[turn(asked)]


def asks_bank(asked: Asked) -> bool:
    """It is the inner agent that asks."""
    return str(asked.body["messages"][0]["content"]).startswith("How much")


def contents(asked: Sequence[Asked]) -> list[str]:
    """The results of tools that the model was shown in the end."""
    return [message["content"] for message in asked[-1].body["messages"] if message["role"] == "tool"]


def model(url: str) -> OpenAIChatModel:
    """A chat model, with the retries of its client off."""
    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    return OpenAIChatModel("m", provider=OpenAIProvider(openai_client=client))


def agent(url: str, used: Callable[[str], object]) -> Agent[None, Journey]:
    """`used` hears of each call of a tool."""
    bank = Agent(model(url), name="bank", capabilities=[Durability[None]()])

    @bank.tool_plain
    def rate() -> int:
        used("used rate")
        return 7

    tools = FunctionToolset[None](id="guide")

    @tools.tool_plain
    def weather(city: str) -> Weather:
        used(f"used weather {city}")
        return Weather(city=city, sky="sun" if city == "Paris" else "rain")

    @tools.tool_plain
    async def ask_the_bank(city: str) -> str:
        return (await bank.run(f"How much is {city}?")).output

    return Agent(
        model(url), name="guide", output_type=Journey, toolsets=[tools], capabilities=[Durability[None]()]
    )
