"""Histories as they occur: parallel calls, parts, broken pairs, single messages larger than the window."""

import json

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from integrations.compaction import Message, from_wire

Wire = dict[str, object]


def count(text: str) -> int:
    """A quick counter; of joined texts it gives no more than of their parts."""
    return -(-len(text) // 4)


texts = st.one_of(
    st.text(max_size=40),
    *[
        st.builds(
            lambda word, times: word * times, st.sampled_from(["word ", "ünï", "名前"]), st.integers(1, 300)
        )
    ]
    * 6,
)
text_parts = st.builds(lambda text: {"type": "text", "text": text}, texts)
images = st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})
contents: SearchStrategy[object] = st.one_of(
    texts, st.lists(st.one_of(text_parts, images), min_size=1, max_size=3)
)


def said(role: str, content: object) -> Wire:
    return {"role": role, "content": content}


def calling(ids: list[str], tools: list[str]) -> Wire:
    calls = [
        {
            "id": id_,
            "type": "function",
            "function": {"name": tool, "arguments": json.dumps({"path": f"{id_}.py"})},
        }
        for id_, tool in zip(ids, tools, strict=True)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id_: str, content: object) -> Wire:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def calling_in_parts(ids: list[str], tools: list[str]) -> Wire:
    parts = [
        {"type": "tool_use", "id": id_, "name": tool, "input": {"path": f"{id_}.py"}}
        for id_, tool in zip(ids, tools, strict=True)
    ]
    return said("assistant", parts)


def result_parts(ids: list[str], content: object, text: str | None) -> Wire:
    parts: list[Wire] = [{"type": "tool_result", "tool_use_id": id_, "content": content} for id_ in ids]
    return said("user", parts + ([{"type": "text", "text": text}] if text is not None else []))


def talk(turns: int, size: int = 200) -> list[Wire]:
    """`turns` exchanges of about `size` tokens."""
    text = "word " * (size * 2 // 5)
    return [said(role, f"{turn} {text}") for turn in range(turns) for role in ("user", "assistant")]


def reads(number: int, size: int) -> list[Wire]:
    return [
        wire
        for turn in range(number)
        for wire in (calling([f"c{turn}"], ["read"]), result(f"c{turn}", "line\n" * (size * 4 // 5)))
    ]


@st.composite
def called(draw: DrawFn, *, broken: bool) -> list[Wire]:
    """Calls and their results; `broken`: missing, doubled, late, with ids used before."""
    number = draw(st.integers(1, 4))
    names = st.integers(0, 3 if broken else 10**9).map(lambda name: f"call_{name}")
    ids = draw(st.lists(names, min_size=number, max_size=number, unique=True))
    tools = draw(st.lists(st.sampled_from(["read", "write", "search"]), min_size=number, max_size=number))
    if draw(st.booleans()):
        answer = result_parts(ids, draw(texts), draw(st.none() | texts))
        return [calling_in_parts(ids, tools), *([answer] if not broken or draw(st.booleans()) else [])]
    answers = [result(id_, draw(contents)) for id_ in draw(st.permutations(ids))]
    if broken:
        answers = draw(st.lists(st.sampled_from(answers), max_size=number + 1))
        if draw(st.booleans()):
            answers.insert(draw(st.integers(0, len(answers))), said("user", draw(texts)))
    return [calling(ids, tools), *answers]


instructed = st.builds(said, st.sampled_from(["system", "developer"]), st.text(max_size=40))
spoken = st.one_of(*[st.builds(said, st.sampled_from(["user", "assistant"]), contents)] * 7, instructed).map(
    lambda message: [message]
)
orphans = st.one_of(
    st.builds(result, st.sampled_from(["call_0", "nobody"]), texts),
    st.builds(result_parts, st.just(["call_1", "nobody"]), texts, st.none() | texts),
).map(lambda message: [message])


def numbered(turns: list[list[Wire]]) -> list[Message]:
    return from_wire(message for turn in turns for message in turn)


oversized = st.one_of(
    st.builds(said, st.sampled_from(["user", "assistant"]), st.just("huge " * 4_000)).map(
        lambda message: [message]
    ),
    st.just([calling(["big"], ["read"]), result("big", "huge " * 4_000)]),
)


def grown_from(turn: SearchStrategy[list[Wire]]) -> SearchStrategy[list[Message]]:
    """Histories of these turns: most are long, some hold one message that is larger than most windows."""
    turns = st.one_of(*[turn] * 20, oversized)
    long, short = st.lists(turns, min_size=12, max_size=40), st.lists(turns, max_size=6)
    return st.one_of(long, long, long, short).map(numbered)


legal_histories = grown_from(st.one_of(spoken, called(broken=False)))
histories = grown_from(st.one_of(spoken, called(broken=False), called(broken=True), orphans))
