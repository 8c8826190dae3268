"""`make breaks`: its list is about the code that there is, and the command tells what the tests did not notice."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.breaks import catalogue, trial
from tests.breaks.catalogue import Break, CatalogueError
from tests.breaks.trial import Ended, Verdict
from tests.collection import ROOT

BREAKS = catalogue.load()
TEST = "tests/test_it.py::test_answer"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of one file with one test."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "it.py").write_text("ANSWER = 42\nOTHER = 1\n")
    (tmp_path / "tests" / "test_it.py").write_text(
        textwrap.dedent("""
            import pathlib
            import sys

            sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
            import it


            def test_answer():
                assert it.ANSWER == 42
        """)
    )
    return tmp_path


def a_break(find: str = "ANSWER = 42", replace: str = "ANSWER = 41", test: str = TEST, file: str = "it.py") -> Break:
    return Break("it", file, find, replace, (test,))


@pytest.mark.parametrize("item", BREAKS, ids=lambda item: item.name)
def test_break_is_about_the_code_that_there_is(item: Break) -> None:
    assert item.problem(ROOT) is None


def test_list_has_breaks_of_plugins_and_playbooks() -> None:
    assert len(BREAKS) >= 40
    for folder in ("plugins/filter", "plugins/inventory", "plugins/action", "plugins/module_utils/_pce", "playbooks"):
        assert [item for item in BREAKS if item.file.startswith(f"{folder}/")], folder


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (a_break(), None),
        (a_break(test="tests/test_it.py"), None),
        (a_break(test="tests/test_it.py::test_answer[a case]"), None),
        (a_break(find="ANSWER = 43"), "its text is 0 times in it.py, not once"),
        (a_break(find=" = "), "its text is 2 times in it.py, not once"),
        (a_break(replace="ANSWER = 42"), "it changes nothing"),
        (a_break(file="gone.py"), "gone.py does not exist"),
        (a_break(test="tests/test_it.py::test_other"), "there is no test tests/test_it.py::test_other"),
        (a_break(test="tests/test_gone.py"), "there is no test tests/test_gone.py"),
    ],
)
def test_break_that_cannot_be_tried_says_why(tree: Path, item: Break, problem: str | None) -> None:
    assert item.problem(tree) == problem


def test_break_is_undone_with_its_time(tree: Path) -> None:
    path = tree / "it.py"
    before = path.stat().st_mtime_ns
    for number in range(2):
        with pytest.raises(ValueError, match="ended"), a_break().applied(tree, number):  # noqa: PT012 - raised by us
            assert path.read_text() == "ANSWER = 41\nOTHER = 1\n"
            # Python compiles a file anew whose second or size differ.
            assert path.stat().st_mtime_ns // 10**9 != before // 10**9
            raise ValueError("ended")
        assert path.read_text() == "ANSWER = 42\nOTHER = 1\n"
        assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("item", "word"),
    [
        (a_break(), trial.NOTICED),
        (a_break("OTHER = 1", "OTHER = 2"), trial.SURVIVED),
        (a_break("OTHER = 1", "OTHER ="), trial.FAILED),  # what cannot be imported is no test of tests
        (a_break(test="tests/test_it.py::test_gone"), trial.FAILED),
    ],
)
def test_verdict_is_what_the_tests_say(tree: Path, item: Break, word: str) -> None:
    assert trial.try_break(item, tree, 0).word == word
    assert (tree / "it.py").read_text() == "ANSWER = 42\nOTHER = 1\n"


def test_test_that_cannot_begin_notices_nothing(tree: Path) -> None:
    """A simulator that did not start on a busy machine, for one."""
    fixture = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef it():\n    raise OSError\n\n\n"
    (tree / "tests" / "test_it.py").write_text(f"{fixture}def test_answer():\n    assert True\n")
    assert trial.run_tests(tree, [TEST]).status == 1
    assert trial.try_break(a_break(), tree, 0).word == trial.FAILED


def test_several_breaks_are_tried_at_a_time(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    breaks = [a_break(), a_break("OTHER = 1", "OTHER = 2")]
    assert sorted(verdict.word for verdict in trial.try_all(breaks, [tree])) == [trial.NOTICED, trial.SURVIVED]
    printed = capsys.readouterr().out
    assert "survived: it (it.py)\n" in printed
    assert f"noticed: it (it.py); {TEST}\n" in printed


def test_tests_that_hang_notice(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MAX_SECONDS", 1)
    (tree / "tests" / "test_it.py").write_text("import time\n\n\ndef test_answer():\n    time.sleep(600)\n")
    assert trial.try_break(a_break(), tree, 0).word == trial.NOTICED


@pytest.mark.parametrize(
    ("noticed", "survived", "failed", "enough"),
    [(19, 1, 0, True), (18, 1, 0, False), (1, 0, 0, True), (100, 0, 1, False), (0, 0, 0, False), (0, 1, 0, False)],
)
def test_report_demands_the_goal(
    noticed: int, survived: int, failed: int, enough: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {trial.NOTICED: noticed, trial.SURVIVED: survived, trial.FAILED: failed}
    verdicts = [
        Verdict(a_break(), word, "what pytest said") for word, count in counts.items() for _turn in range(count)
    ]
    assert trial.report(verdicts, 95) is enough
    printed = capsys.readouterr().out
    assert printed.count("survived: it: it.py\n- ANSWER = 42\n+ ANSWER = 41") == survived
    assert printed.count("it: the tests did not run:\nwhat pytest said") == failed
    assert f"{noticed} of {noticed + survived + failed} breaks noticed" in printed


ENTRY = "- {name: a, file: f, find: x, replace: y, tests: [t]}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must be a list"),
        ("a: b", "must be a list"),
        ("- a", "a break must have"),
        ("- {name: a}", "a break must have"),
        (ENTRY.replace("}", ", why: z}"), "a break must have"),
        (ENTRY.replace("find: x", "find: 1"), "must be texts"),
        (ENTRY.replace("find: x", "find: ''"), "must be texts"),
        (ENTRY.replace("[t]", "t"), "must be a list of names"),
        (ENTRY.replace("[t]", "[]"), "must be a list of names"),
        (ENTRY * 2, "two breaks have one name: a"),
    ],
)
def test_list_that_is_wrong_is_an_error(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "breaks.yml"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=problem):
        catalogue.load(path)


def test_all_tests_are_named_once() -> None:
    breaks: Sequence[Break] = [a_break(), a_break(), a_break(test="tests/test_b.py")]
    assert catalogue.all_tests(breaks) == ["tests/test_b.py", TEST]


def test_ended_tests_keep_their_output(tree: Path) -> None:
    ended = trial.run_tests(tree, ["tests/test_it.py::test_gone"])
    assert isinstance(ended, Ended)
    assert ended.status == 4
    assert "test_gone" in ended.output
