import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from endcap import __version__
from endcap.adapters.folder_lake import FolderLake
from endcap.cli import app
from endcap.config import RunConfig
from endcap.errors import WorkflowError
from endcap.use_cases import read_models
from infra_local.cli import main
from tests.serving.small_shop import CUT_MS, N_ITEMS
from tests.use_cases.foreign_model import crown, file_small_shop
from tests.use_cases.small_run import log_rows, write_log


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """Return what was wrong, having made sure that it is one clear sentence and no more."""
        assert (self.code, self.out) == (1, "")
        assert self.err.startswith("endcap: ")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err.removeprefix("endcap: ").strip()


Endcap = Callable[..., Done]


@pytest.fixture
def endcap(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Endcap:
    """The command line, as the console script calls it."""
    monkeypatch.delenv("ENDCAP_GLUE_DATABASE", raising=False)

    def call(*args: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["endcap", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Done(int(stop.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A lake with a champion, to be read only, and the champion's version."""
    folder = tmp_path_factory.mktemp("served")
    lake = FolderLake(folder / "lake")
    ids = [f"sku-{code}" for code in range(N_ITEMS)]
    version = file_small_shop(lake, folder / "parts", item_ids=ids, cut_ms=CUT_MS)
    crown(lake, version, f"models/{version}", CUT_MS)
    return folder / "lake", version


def commands(group: object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command and group, by the words that call it."""
    yield above
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*above, name))


COMMANDS = list(commands(typer.main.get_command(app)))


def test_the_commands_are_those_that_the_manual_names() -> None:
    assert {" ".join(words) for words in COMMANDS} == {
        "",
        "batch",
        "check",
        "config",
        "cost",
        "demo",
        "doctor",
        "models",
        "models list",
        "monitor",
        "recommend",
        "run",
        "scoreboard",
        "seed",
        "serve",
        "simulate",
        "upload",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "endcap")
def test_every_command_explains_itself_and_its_options(
    endcap: Endcap, words: tuple[str, ...]
) -> None:
    done = endcap(*words, "--help")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: endcap")
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    assert [option.name for option in command.params if not getattr(option, "help", None)] == []


def test_the_version_is_told(endcap: Endcap) -> None:
    assert endcap("--version") == Done(0, f"endcap {__version__}\n", "")


@pytest.mark.parametrize(
    "args",
    [
        ["unheard-of"],
        ["run"],
        ["run", "--raw", "raw"],
        ["run", "--raw", "raw", "--lake", "lake", "--fast"],
        ["simulate", "--out", "shop", "--scale", "huge"],
        ["simulate", "--out", "shop", "--seed", "-1"],
        ["simulate", "--out", "shop", "--drift", "moods", "--drift-at", "2015-06-01"],
        ["simulate", "--out", "shop", "--drift", "price", "--drift-at", "June"],
        ["batch", "--lake", "lake", "--input", "in", "--output", "out", "--k", "0"],
        ["recommend", "--lake", "lake", "--user", "1", "--k", "1001"],
        ["recommend", "--lake", "lake", "--user", "1", "--k", "ten"],
        ["models", "drop"],
    ],
    ids=" ".join,
)
def test_a_command_that_cannot_be_understood_ends_with_2(endcap: Endcap, args: list[str]) -> None:
    done = endcap(*args)

    assert (done.code, done.out) == (2, "")
    assert "Usage: endcap" in done.err


@pytest.mark.parametrize("args", [[], ["models"]])
def test_without_a_command_there_is_help_and_no_success(endcap: Endcap, args: list[str]) -> None:
    done = endcap(*args)

    assert done.code == 2
    assert "Commands:" in done.out + done.err


@pytest.mark.parametrize("option", ["--out", "--report", "--folder"])
def test_a_file_is_no_folder_to_write_into(endcap: Endcap, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("")
    command = {
        "--out": ["simulate", "--scale", "tiny"],
        "--report": ["check", "--raw", str(tmp_path)],
        "--folder": ["demo"],
    }[option]

    done = endcap(*command, option, tmp_path / "file")

    assert done.code == 2
    assert "is a file" in done.err
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_raw_folder_that_is_missing_is_named(
    endcap: Endcap, tmp_path: Path, command: str
) -> None:
    lake = ["--lake", str(tmp_path / "lake")] if command == "run" else []

    sentence = endcap(command, "--raw", tmp_path / "none", *lake).sentence()

    assert sentence == f"no folder {tmp_path}/none: --raw names the folder with the shop's log"
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [
        ("--config", "[ranking]\ntrails = 3\n", "ranking.trails: Extra inputs are not permitted"),
        ("--config", "seed = 'one'\n", "seed: "),
        ("--config", "seed: 1\n", "cannot be read as a settings file: "),
        ("--config", None, "cannot be read as a settings file: "),
        ("--mapping", "name = 'ours'\n", "events: Field required"),
        ("--mapping", None, "cannot be read as a settings file: "),
    ],
)
def test_what_is_wrong_with_a_settings_file_is_named_with_its_key(
    endcap: Endcap, tmp_path: Path, command: str, option: str, content: str | None, complaint: str
) -> None:
    file = tmp_path / "settings.toml"
    if content is not None:
        file.write_text(content)
    lake = ["--lake", str(tmp_path / "lake")] if command == "run" else []

    sentence = endcap(command, "--raw", tmp_path, option, file, *lake).sentence()

    assert sentence.startswith(f"{file}: {complaint}")


def test_a_run_cannot_be_named_so_that_it_leaves_the_lake(endcap: Endcap, tmp_path: Path) -> None:
    done = endcap("run", "--raw", tmp_path, "--lake", tmp_path / "lake", "--run-id", "../../x")

    assert done.sentence().startswith("run id '../../x' must be ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["recommend", "--user", "1"], "no champion in {lake}; run `endcap run --lake {lake}` "),
        (["batch", "--input", "{file}", "--output", "{folder}/out"], "no champion in {lake}; run "),
        (["scoreboard"], "no scoreboard in {lake}; run `endcap run --lake {lake}` first"),
    ],
    ids=["recommend", "batch", "scoreboard"],
)
def test_a_lake_without_a_champion_says_how_to_get_one(
    endcap: Endcap, tmp_path: Path, args: list[str], complaint: str
) -> None:
    (tmp_path / "in.jsonl").write_text("{}\n")
    names = {
        "lake": str(tmp_path / "lake"),
        "file": str(tmp_path / "in.jsonl"),
        "folder": str(tmp_path),
    }

    done = endcap(*(arg.format(**names) for arg in args), "--lake", names["lake"])

    assert done.sentence().startswith(complaint.format(**names))
    assert [file.name for file in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize("lake", ["ftp://shop/lake", "s3://B", ""])
def test_a_lake_of_no_known_kind_is_refused(endcap: Endcap, lake: str) -> None:
    assert endcap("models", "list", "--lake", lake).sentence()


@pytest.mark.parametrize(
    "drift",
    [["--drift", "price"], ["--drift-at", "2015-06-01"]],
    ids=["no day", "nothing that drifts"],
)
def test_what_drifts_and_from_when_on_go_together(
    endcap: Endcap, tmp_path: Path, drift: list[str]
) -> None:
    done = endcap("simulate", "--out", tmp_path / "shop", "--scale", "tiny", *drift)

    assert done.sentence().startswith("--drift and --drift-at go together: what shifts, ")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_lake_has_no_models(endcap: Endcap, tmp_path: Path) -> None:
    text = "No models yet; `endcap run` trains the first.\n"
    assert endcap("models", "list", "--lake", tmp_path) == Done(0, text, "")
    assert endcap("models", "list", "--lake", tmp_path, "--json") == Done(0, "[]\n", "")


def test_the_settings_are_printed_as_a_file_that_can_be_given_back(
    endcap: Endcap, tmp_path: Path
) -> None:
    done = endcap("config")

    assert (done.code, done.err) == (0, "")
    assert RunConfig.model_validate(tomllib.loads(done.out)) == RunConfig()
    (tmp_path / "endcap.toml").write_text(done.out)
    assert RunConfig.load(tmp_path / "endcap.toml") == RunConfig()


def test_models_are_listed_with_the_champion(endcap: Endcap, served: tuple[Path, str]) -> None:
    lake, version = served

    shown = endcap("models", "list", "--lake", lake)
    told = endcap("models", "list", "--lake", lake, "--json")

    assert (shown.code, told.code, shown.err + told.err) == (0, 0, "")
    assert shown.out.splitlines()[1].split()[:3] == [version, "1970-01-26", "00:00:00"]
    assert shown.out.splitlines()[1].endswith("champion")
    (model,) = json.loads(told.out)
    assert (model["version"], model["champion"]) == (version, True)
    assert "manifest.json" in model["files"]


def test_a_file_of_histories_is_answered(
    endcap: Endcap, served: tuple[Path, str], tmp_path: Path
) -> None:
    lake, version = served
    (tmp_path / "in.jsonl").write_text('{"id": 7, "events": [{"item_id": "sku-3"}]}\n\n{}\n')

    done = endcap(
        *("batch", "--lake", lake, "--input", tmp_path / "in.jsonl"),
        *("--output", tmp_path / "out.jsonl", "--k", "4", "--model", version),
    )

    assert done == Done(0, f"Wrote 2 answers to {tmp_path}/out.jsonl\n", "")
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [answer["id"] for answer in answers] == [7, None]
    assert [len(answer["items"]) for answer in answers] == [4, 4]
    assert "sku-3" not in {item["item_id"] for item in answers[0]["items"]}


def test_a_malformed_line_ends_with_1_and_no_output(
    endcap: Endcap, served: tuple[Path, str], tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": 1}\n{"id": 2, "events": [{"item_id": null}]}\n')

    done = endcap(
        *("batch", "--lake", served[0], "--input", tmp_path / "in.jsonl"),
        *("--output", tmp_path / "out.jsonl"),
    )

    expected = f"{tmp_path}/in.jsonl, line 2: events.0.item_id: an id must be text or a number"
    assert done.sentence() == expected
    assert [file.name for file in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_log_is_checked(endcap: Endcap, tmp_path: Path) -> None:
    raw = write_log(tmp_path / "raw", log_rows()[:200])

    shown = endcap("check", "--raw", raw, "--report", tmp_path / "kept")
    told = endcap("check", "--raw", raw, "--json")

    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("events.csv: 200 rows, 200 kept\n")
    assert "note: no item properties: " in shown.out
    assert (tmp_path / "kept" / "report.html").is_file()
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out) == json.loads((tmp_path / "kept" / "report.json").read_text())


def test_a_log_that_a_run_would_refuse_is_reported_and_ends_with_1(
    endcap: Endcap, tmp_path: Path
) -> None:
    rows = [*log_rows()[:20], *(f"someday,1,view,{n}," for n in range(30))]

    done = endcap("check", "--raw", write_log(tmp_path / "raw", rows))

    assert done.code == 1
    assert done.out.startswith("events.csv: 50 rows, 20 kept\n")
    assert done.err.startswith("endcap: events.csv: 30 of 50 rows (60.0%) are bad")
    assert done.err.count("\n") == 1


def test_a_shop_is_simulated(endcap: Endcap, tmp_path: Path) -> None:
    done = endcap("simulate", "--out", tmp_path / "shop", "--scale", "tiny", "--seed", "3")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Wrote {tmp_path}/shop: ")
    assert (tmp_path / "shop" / "events.csv").is_file()


def test_what_the_system_refuses_is_one_sentence(endcap: Endcap, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = endcap("simulate", "--out", tmp_path / "file" / "shop", "--scale", "tiny")

    assert done.sentence() == f"[Errno 20] Not a directory: '{tmp_path}/file/shop/truth'"


def test_a_message_of_several_lines_is_put_on_one(
    endcap: Endcap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise WorkflowError("first\nsecond")

    monkeypatch.setattr(read_models, "read_models", fail)

    assert endcap("models", "list", "--lake", tmp_path).sentence() == "first second"


@pytest.mark.parametrize("defect", [RuntimeError("a defect"), OSError("not the system's")])
def test_a_defect_shows_its_traceback(
    endcap: Endcap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: Exception
) -> None:
    def fail(_: object) -> None:
        raise defect

    monkeypatch.setattr(read_models, "read_models", fail)

    with pytest.raises(type(defect), match=str(defect)):
        endcap("models", "list", "--lake", tmp_path)


def test_histories_are_seeded_from_a_log_that_is_there(
    endcap: Endcap, served: tuple[Path, str], tmp_path: Path
) -> None:
    history = tmp_path / "history.sqlite"
    done = endcap("seed", "--lake", served[0], "--history", history)
    assert done.code == 1
    assert "no run" in done.err
    assert endcap("seed", "--lake", served[0], "--history", "mongodb://x").code == 1
