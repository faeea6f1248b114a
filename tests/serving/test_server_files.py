"""The server's files beside the versions: what is in them holds for every version there."""

import json
import re
import shlex
import shutil

import pytest

from kerasnn import serving
from kerasnn.__main__ import main

BATCHING, CONFIG = "batching_parameters.txt", "models.config"


def commands(report):
    card = json.loads((report.path / "assets.extra" / "model_card.json").read_text())
    return card["serve"]


def limit(path):
    [found] = re.findall(r"max_batch_size { value: (\d+) }", (path / BATCHING).read_text())
    return int(found)


def allowed(path):
    return re.findall(r"allowed_batch_sizes: (\d+)", (path / BATCHING).read_text())


@pytest.fixture
def export(classifier):
    return lambda path, **arguments: serving.export(classifier, path, verify=False, **arguments)


def test_they_stand_beside_the_versions(export, tmp_path):
    path = tmp_path / "my model"
    report = export(path, batch_sizes=[16, 4])
    config = (path / CONFIG).read_text()
    assert 'name: "my_model"' in config
    assert f'base_path: "{path}"' in config
    batching = (path / BATCHING).read_text().splitlines()
    assert batching[0] == "max_batch_size { value: 16 }"
    assert batching[-2:] == ["allowed_batch_sizes: 4", "allowed_batch_sizes: 16"]
    for command in commands(report).values():
        words = shlex.split(command)
        assert f"--model_config_file={path / CONFIG}" in words
        assert f"--batching_parameters_file={path / BATCHING}" in words
    assert shlex.split(commands(report)["docker"])[:2] == ["docker", "run"]


@pytest.mark.parametrize("name", ["iris:latest", 'a,b "c"'])
def test_docker_mounts_a_directory_of_any_name(name, export, tmp_path):
    path = tmp_path / name
    words = shlex.split(commands(export(path))["docker"])
    mount = words[words.index("--mount") + 1]
    quoted = [f'"{field}={path}"'.replace('"c"', '""c""') for field in ("source", "target")]
    plain = [f"source={path}", f"target={path}"]
    fields = quoted if "," in name else plain
    assert mount == ",".join(["type=bind", *fields, "readonly"])


def test_larger_batches_get_room_and_smaller_ones_take_none_away(export, tmp_path):
    export(tmp_path, batch_sizes=[1, 8])
    export(tmp_path, batch_sizes=[4, 64])
    assert (limit(tmp_path), allowed(tmp_path)) == (64, ["1", "4", "8", "64"])
    before = (tmp_path / BATCHING).stat()
    export(tmp_path, batch_sizes=[1])
    assert (tmp_path / BATCHING).stat() == before
    export(tmp_path, batch_sizes=[2], version=1, overwrite=True)
    assert (limit(tmp_path), allowed(tmp_path)) == (64, ["1", "2", "4", "8", "64"])
    # The versions themselves know what they need.
    (tmp_path / BATCHING).unlink()
    export(tmp_path, batch_sizes=[1])
    assert (limit(tmp_path), allowed(tmp_path)) == (64, ["1", "2", "4", "64"])


def test_room_is_there_before_the_version_is(export, tmp_path, monkeypatch):
    export(tmp_path, batch_sizes=[1, 8])

    def fail(*paths):
        raise OSError("stopped")

    monkeypatch.setattr("os.rename", fail)
    with pytest.raises(OSError, match="stopped"):
        export(tmp_path, batch_sizes=[64])
    assert limit(tmp_path) == 64


def test_the_rest_of_a_users_file_stays(export, tmp_path):
    export(tmp_path)
    mine = "# mine\nnum_batch_threads { value: 4 }\nmax_batch_size: {\n  value: 32\n}"
    (tmp_path / BATCHING).write_text(mine)
    export(tmp_path, batch_sizes=[32])
    assert (tmp_path / BATCHING).read_text() == mine
    export(tmp_path, batch_sizes=[100])
    text = (tmp_path / BATCHING).read_text().splitlines()
    assert text == ["# mine", "num_batch_threads { value: 4 }", "max_batch_size { value: 100 }"]
    export(tmp_path, overwrite=True)
    assert "mine" not in (tmp_path / BATCHING).read_text()


def test_a_limit_that_is_not_written_is_the_servers_own(export, tmp_path):
    (tmp_path / BATCHING).write_text("# mine\n")
    export(tmp_path, batch_sizes=[1000], warmup=False)
    assert (tmp_path / BATCHING).read_text() == "# mine\n"
    export(tmp_path, batch_sizes=[1001], warmup=False)
    assert (tmp_path / BATCHING).read_text() == "# mine\nmax_batch_size { value: 1001 }\n"


def test_a_moved_directory_is_noticed_and_mended(iris, export, tmp_path, capsys):
    _, report = iris
    old, new = report.path.parent, tmp_path / "flowers"
    shutil.copytree(old, new)
    assert main(["verify", str(old)]) == 0
    assert capsys.readouterr().err == ""
    assert main(["verify", str(new)]) == 0
    said = capsys.readouterr()
    assert "largest difference" in said.out
    assert f"{new / CONFIG} must name the directory of the versions, {new}; it names {old}" in (
        said.err
    )
    export(new)
    config = (new / CONFIG).read_text()
    assert 'name: "flowers"' in config
    assert f'base_path: "{new}"' in config


def test_a_config_without_our_line_is_the_users_own(export, tmp_path, capsys):
    export(tmp_path)
    _, _, mine = (tmp_path / CONFIG).read_text().replace(str(tmp_path), "/models").partition("\n")
    (tmp_path / CONFIG).write_text(mine)
    export(tmp_path)
    assert (tmp_path / CONFIG).read_text() == mine
    export(tmp_path, overwrite=True)
    assert str(tmp_path) in (tmp_path / CONFIG).read_text()


@pytest.mark.parametrize("name", [BATCHING, CONFIG])
def test_a_file_that_is_no_text_is_named(name, export, tmp_path):
    (tmp_path / name).write_bytes(b"\xff")
    with pytest.raises(
        ValueError, match=rf"{tmp_path}/{name} must be a text file in UTF-8; 'utf-8' "
    ):
        export(tmp_path)
