"""The files for Docker Compose and for Kubernetes, as far as they can be checked without either."""

import contextlib
import http.server
import json
import pathlib
import shlex
import shutil
import subprocess
import threading

import kubernetes_validate
import pytest
import yaml

from kerasnn.serving.publishing import server_files
from kerasnn.serving.publishing.deployment import REST_PORT, Deployment


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "iris v2"
    path.mkdir()
    assert server_files.write_files(path, [1, 8], overwrite=False) == []
    return path


def documents(path):
    return {
        each["kind"]: each for each in yaml.safe_load_all((path / "kubernetes.yaml").read_text())
    }


def service(path):
    return yaml.safe_load((path / "compose.yaml").read_text())["services"]["serving"]


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_kubernetes_accepts_the_manifest(written, version):
    found = documents(written)
    assert list(found) == [
        "PersistentVolumeClaim",
        "Deployment",
        "Service",
        "PodDisruptionBudget",
    ]
    for document in found.values():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_parts_of_the_manifest_fit_together(written):
    found = documents(written)
    spec = found["Deployment"]["spec"]
    pod = spec["template"]
    [container] = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/name": "iris-v2"}
    assert spec["selector"]["matchLabels"] == labels == found["Service"]["spec"]["selector"]
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    [volume], [mount] = pod["spec"]["volumes"], container["volumeMounts"]
    assert volume["name"] == mount["name"]
    claim = volume["persistentVolumeClaim"]["claimName"]
    assert claim == found["PersistentVolumeClaim"]["metadata"]["name"]
    assert mount["mountPath"] == str(written)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    for port in found["Service"]["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]
    assert container["startupProbe"]["httpGet"]["path"] == "/v1/models/iris_v2"
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/iris_v2/metadata"


def test_both_start_the_server_as_the_command_line_does(written):
    [container] = documents(written)["Deployment"]["spec"]["template"]["spec"]["containers"]
    flags = container["args"]
    assert service(written)["command"] == flags
    command = shlex.split(server_files.commands(written)["docker"])
    assert flags[:3] == command[command.index("tensorflow/serving") + 1 :]
    assert flags[3:] == ["--enable_model_warmup=true", "--model_config_file_poll_wait_seconds=60"]


def test_compose_mounts_the_directory_that_the_other_files_name(written):
    [volume] = service(written)["volumes"]
    assert volume == {"type": "bind", "source": ".", "target": str(written), "read_only": True}
    assert json.dumps(volume["target"]) in (written / "models.config").read_text()


@pytest.mark.parametrize("name", ['a "b": #c', "$HOME $(x)", "Größe", "- x", "2"])
def test_directories_of_any_name(name, tmp_path):
    place = tmp_path / name
    place.mkdir()
    server_files.write_files(place, [1], overwrite=False)
    # Both take one `$` for two.
    assert service(place)["volumes"][0]["target"].replace("$$", "$") == str(place)
    for document in documents(place).values():
        kubernetes_validate.validate(document, "1.30", strict=True)
        label = document["metadata"]["name"]
        assert label.isascii()
        assert label[0].isalpha()
        assert label[-1].isalnum()
    [container] = documents(place)["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["volumeMounts"][0]["mountPath"] == str(place)
    wanted = f"--model_config_file={place / 'models.config'}"
    assert container["args"][0].replace("$$", "$") == wanted


def test_long_names_are_cut():
    deployment = Deployment("x" * 100, pathlib.Path("/models"), ())
    assert deployment.label == "x" * 40


@contextlib.contextmanager
def server_of(state):
    """A server that answers as TensorFlow Serving does about a model in a state; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == "/v1/models/iris"
            self.send_response(200 if known else 404)
            self.end_headers()
            states = [{"version": "1", "state": state}]
            self.wfile.write(json.dumps({"model_version_status": states if known else []}).encode())

        def log_message(self, *_):
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(shutil.which("bash") is None, reason="The image of the server has bash.")
@pytest.mark.parametrize(
    ("name", "state", "healthy"),
    [("iris", "AVAILABLE", True), ("iris", "LOADING", False), ("other", "AVAILABLE", False)],
)
def test_the_health_of_the_container(name, state, healthy):
    text = Deployment(name, pathlib.Path("/models"), ()).compose()
    kind, *command = yaml.safe_load(text)["services"]["serving"]["healthcheck"]["test"]
    assert kind == "CMD"
    with server_of(state) as port:
        command[-1] = command[-1].replace(str(REST_PORT), str(port))
        done = subprocess.run(command, timeout=20, check=False)
    assert (done.returncode == 0) == healthy
