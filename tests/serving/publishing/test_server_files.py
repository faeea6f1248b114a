"""The server's files beside the versions, and the command lines that name them."""

import json
import shlex
import shutil

import pytest

from kerasnn import serving
from kerasnn.serving.publishing import server_files

BATCHING, CONFIG = "batching_parameters.txt", "models.config"


def test_an_export_writes_them_beside_the_versions(classifier, tmp_path):
    path = tmp_path / "my model"
    report = serving.export(classifier, path, batch_sizes=[16, 4], verify=False)
    assert report.notes == ()
    config = (path / CONFIG).read_text()
    assert 'name: "my_model"' in config
    assert f'base_path: "{path}"' in config
    batching = (path / BATCHING).read_text().splitlines()
    assert batching[0] == "max_batch_size { value: 16 }"
    assert batching[-2:] == ["allowed_batch_sizes: 4", "allowed_batch_sizes: 16"]
    commands = json.loads((report.path / "assets.extra" / "model_card.json").read_text())["serve"]
    for command in commands.values():
        words = shlex.split(command)
        assert f"--model_config_file={path / CONFIG}" in words
        assert f"--batching_parameters_file={path / BATCHING}" in words
    assert shlex.split(commands["docker"])[:2] == ["docker", "run"]
    # Larger batches than before need another file, which the report says.
    report = serving.export(classifier, path, batch_sizes=[64], verify=False)
    assert f"Note: {path / BATCHING} does not allow all batches of 64 rows" in str(report)


@pytest.mark.parametrize("name", ["iris:latest", 'a,b "c"'])
def test_docker_mounts_a_directory_of_any_name(name, tmp_path):
    path = tmp_path / name
    words = shlex.split(server_files.commands(path)["docker"])
    mount = words[words.index("--mount") + 1]
    quoted = [f'"{field}={path}"'.replace('"c"', '""c""') for field in ("source", "target")]
    plain = [f"source={path}", f"target={path}"]
    fields = quoted if "," in name else plain
    assert mount == ",".join(["type=bind", *fields, "readonly"])


def test_they_are_written_once(tmp_path):
    assert server_files.write_files(tmp_path, [1, 8], overwrite=False) == []
    assert server_files.write_files(tmp_path, [8], overwrite=False) == []
    [note] = server_files.write_files(tmp_path, [1, 64], overwrite=False)
    assert note.startswith(f"{tmp_path / BATCHING} does not allow all batches of 1, 64 rows")
    assert "value: 8 }" in (tmp_path / BATCHING).read_text()
    # The server pads batches to allowed sizes only.
    assert server_files.notes(tmp_path, [4])
    assert server_files.write_files(tmp_path, [1, 64], overwrite=True) == []
    assert "value: 64 }" in (tmp_path / BATCHING).read_text()


@pytest.mark.parametrize(
    ("text", "size", "fits"),
    [
        ("max_batch_size: {\n  value: 32\n}", 32, True),
        ("max_batch_size: {\n  value: 32\n}", 33, False),
        ("allowed_batch_sizes: [4, 8]", 8, True),
        ("allowed_batch_sizes: [4, 8]", 6, False),
        # The server's own limit.
        ("# mine", 1000, True),
        ("# mine", 1001, False),
    ],
)
def test_a_users_own_file_stays(text, size, fits, tmp_path):
    (tmp_path / BATCHING).write_text(text)
    assert (server_files.write_files(tmp_path, [size], overwrite=False) == []) == fits
    assert (tmp_path / BATCHING).read_text() == text


def test_a_moved_directory_is_noticed(tmp_path):
    old, new = tmp_path / "iris", tmp_path / "flowers"
    old.mkdir()
    server_files.write_files(old, [1], overwrite=False)
    shutil.copytree(old, new)
    assert server_files.notes(old) == []
    [note] = server_files.notes(new)
    assert note.startswith(f'{new / CONFIG} does not name the directory of the versions, "{new}"')
    assert server_files.write_files(new, [1], overwrite=True) == []
    assert 'name: "flowers"' in (new / CONFIG).read_text()
