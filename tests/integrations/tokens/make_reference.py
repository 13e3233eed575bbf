"""Write ids into `corpus.json`: `TIKTOKEN_CACHE_DIR=DIR python -m tests.integrations.tokens.make_reference`.

Uses tiktoken's own loading and nothing of ours; the folder must hold the published vocabularies, named as
tiktoken names them, so that nothing is fetched. Run it after a text was added.
"""

import json
from pathlib import Path

import tiktoken

CORPUS = Path(__file__).with_name("corpus.json")


def main() -> None:
    encodings = [tiktoken.get_encoding(name) for name in ("o200k_base", "cl100k_base")]
    entries = [
        {"title": entry["title"], "text": entry["text"]}
        | {encoding.name: encoding.encode_ordinary(entry["text"]) for encoding in encodings}
        for entry in json.loads(CORPUS.read_text())
    ]
    lines = [json.dumps(entry, separators=(",", ":")) for entry in entries]
    CORPUS.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
