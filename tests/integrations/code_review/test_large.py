"""A change that is too large: what fits is reviewed, the rest is listed, and the exit code says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.code_review import ScriptedReviewer, choose_change, exit_code
from tests.integrations.code_review.reviewing import review

_FILES, _LINES = 500, 100


def _patch() -> str:
    """3 MB of new files."""
    line = f'+    "{"word " * 10}",\n'
    rows = "+WORDS = [\n" + line * (_LINES - 2) + "+]\n"
    return "".join(
        f"diff --git a/m{number:03}.py b/m{number:03}.py\nnew file mode 100644\n--- /dev/null\n"
        f"+++ b/m{number:03}.py\n@@ -0,0 +1,{_LINES} @@\n{rows}"
        for number in range(_FILES)
    )


@pytest.mark.timeout(180)
@pytest.mark.anyio
async def test_three_megabytes_in_five_hundred_files(tmp_path: Path) -> None:
    patch = tmp_path / "large.patch"
    text = _patch()
    patch.write_text(text)
    assert len(text) > 2_900_000
    reviewer = ScriptedReviewer()
    report = await review(choose_change(tmp_path, patch=patch, model="scripted"), reviewer=reviewer)
    left_out = {one.path for one in report.incomplete}
    over_files = {one.path for one in report.files_skipped if "max_files (300)" in one.reason}
    asked = {request.path for request in reviewer.requests}
    assert (len(report.files_reviewed), len(over_files), exit_code(report)) == (300, 200, 3)
    assert left_out == {f"m{number:03}.py" for number in range(_FILES)} - asked
    assert 50 < len(asked) < 300
    assert report.usage.input_tokens + report.usage.output_tokens < 400_000
