"""Settings files as hypothesis makes them: nearly right ones."""

from collections.abc import Mapping

from hypothesis import strategies as st

from settings.model import ALL_KEYS
from tests.right_settings import SAMPLE, right_texts

_TRICKY = (
    "", " ", "<X>", "None", "null", "undefined", "${AWS::Region}", "$HOME", "${HOME}", "$${X}",
    "{{resolve:ssm:/x}}", "#{Token[1]}", "${Token[TOKEN.1]}", "a,b", "a,,b", ",", "=", "A=", "A=b",
    "-1", "0", "1e3", "1_000", "٣", "True ", "yes", "10.0.0.0/16", "../..", "/", "*", "%s", "{}",
    '"', "'", "\\", "a#b", "a # b", "`id`", "$(id)", "\x00", "\u202e", "\ufeff", "\ud7ff", "é", "𝕏",
    "arn:aws:iam::123456789012:role/x", "x" * 300, "x" * 70_000, "AKIA" + "A" * 16,
    "[object Object]",
)  # fmt: skip

any_text = (
    st.text(max_size=40) | st.sampled_from(_TRICKY) | st.sampled_from(sorted(SAMPLE.values()))
)


def written(texts: Mapping[str, str]) -> str:
    """Return the texts as a file with double quotes; what would end the quotes is escaped."""
    return "".join(
        '{}="{}"\n'.format(key, text.replace("\\", "\\\\").replace('"', '\\"'))
        for key, text in texts.items()
    )


@st.composite
def nearly_right_files(draw: st.DrawFn) -> str:
    """Draw the text of a file that is right but for some values, lines and ways to write it."""
    texts = draw(st.just(dict(SAMPLE)) | right_texts(most_drawn=6))
    for key in draw(st.lists(st.sampled_from(ALL_KEYS), max_size=4)):
        texts[key] = draw(any_text)
    for key in draw(st.lists(st.sampled_from(ALL_KEYS), max_size=2)):
        texts.pop(key, None)
    lines = written(texts).splitlines()
    quotes = draw(st.sampled_from(['"', "'", ""]))
    if quotes != '"':
        lines = [line.replace('"', quotes) for line in lines]
    extra = st.sampled_from(["", "# note", "export", 'task_cpu="256"', "nonsense", "=", '"', "'"])
    for line in draw(st.lists(extra | st.text(max_size=20), max_size=3)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    start = draw(st.sampled_from(["", "", "\ufeff", "export ", "\n\n", "\x00"]))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "  # note\n"]))
    return start + end.join(lines) + draw(st.sampled_from(["", "\n"]))
