"""Shells complete the program, its options, and the variables of the formula on the line."""

import pytest

from backpropcli.cli import main


@pytest.fixture
def completions(monkeypatch, capsys):
    def ask(line, word=""):
        """What bash is offered for the word that follows the line."""
        from click.shell_completion import split_arg_string

        monkeypatch.setenv("_BACKPROP_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", f"backprop {line} {word}")
        monkeypatch.setenv("COMP_CWORD", str(len(split_arg_string(line)) + 1))
        assert main([]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return [item.partition(",")[2] for item in captured.out.splitlines() if item]

    return ask


def test_commands_are_completed(completions):
    assert completions("", "ev") == ["eval"]
    assert {"derive", "eval"} <= set(completions(""))


def test_variables_are_completed_before_the_options(completions):
    found = completions("eval 'theta_1*w0'", "--")
    assert found[:2] == ["--theta_1", "--w0"]
    assert "--sig-digits" in found
    assert completions("eval 'theta_1*w0'", "--w0") == ["--w0"]


def test_a_variable_that_has_a_value_is_not_offered_again(completions):
    found = completions("eval 'theta_1*w0' --w0 -3", "--")
    assert "--theta_1" in found
    assert "--w0" not in found


@pytest.mark.parametrize("formula", ["-x^2+y", "-e '-x^2+y'", "--x 3 '-x^2+y'", "x*y --at x=3 --json"])
def test_every_way_of_giving_the_formula_is_understood(completions, formula):
    assert "--y" in completions(f"eval {formula}", "--")


def test_a_formula_in_a_file_is_read(completions, tmp_path):
    (tmp_path / "formula").write_text("alpha*x")
    assert completions(f"eval -f {tmp_path}/formula", "--al") == ["--alpha", "--allow-unused"]


def test_a_variable_that_an_option_hides_is_not_offered_twice(completions):
    assert completions("eval 'format*x'", "--format") == ["--format"]


def test_values_of_options_are_completed(completions):
    assert completions("eval x --mode", "r") == ["reverse"]
    assert completions("eval x --sig-digits", "f") == ["full"]
    assert "json" in completions("eval x --format")
    assert completions("eval 'alpha*w0' --wrt", "w") == ["w0"]
    assert completions("eval 'alpha*w0' --wrt", "alpha,w") == ["alpha,w0"]


@pytest.mark.parametrize(
    "line",
    [
        "eval",
        "eval x+",
        "eval '' --x",
        "eval x --x",
        "eval x --format nonsense",
        "eval x y",
        "eval -",
        "eval 'x",
        "eval x --at @-",
        "eval x -v x",
        "eval x --x @missing.npy",
        "eval -f /nowhere",
        "eval x --at @/nowhere",
        "evil x",
        "derive x*y",
    ],
)
def test_a_line_that_is_not_finished_never_fails(completions, line):
    completions(line, "--")
    completions(line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_printed(shell, monkeypatch, capsys):
    monkeypatch.setenv("_BACKPROP_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert "_BACKPROP_COMPLETE" in capsys.readouterr().out
