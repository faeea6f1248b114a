"""Files that start TensorFlow Serving by Docker Compose and on Kubernetes."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Sequence

GRPC_PORT, REST_PORT = 8500, 8501
# By it a model version is pinned, or rolled back, without a new start of the server.
_POLL = "--model_config_file_poll_wait_seconds=60"


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What the files describe: one model, served from one directory.

    The directory has the same path in a container as here, so that the other files of the server
    are valid there too.

    Attributes:
        name: Name of the model.
        place: Absolute path of the directory of the versions.
        flags: Flags of the server.
    """

    name: str
    place: pathlib.Path
    flags: Sequence[str]

    @property
    def label(self) -> str:
        """Name of the objects on Kubernetes: a DNS label.

        >>> Deployment("2_Iris.v2", pathlib.Path("/models/iris"), ()).label
        'model-2-iris-v2'
        """
        label = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:40].strip("-")
        return label if label[:1].isalpha() else f"model-{label}".strip("-")

    @property
    def _arguments(self) -> list[str]:
        # Both replace variables, which begin with one `$`.
        flags = [*self.flags, "--enable_model_warmup=true", _POLL]
        return [flag.replace("$", "$$") for flag in flags]

    @property
    def _status(self) -> str:
        return f"/v1/models/{self.name}"

    def compose(self) -> str:
        """Returns `compose.yaml`, which lies in the directory of the versions.

        The image holds bash, but no curl to ask for the state of the model.
        """
        request = rf"printf 'GET {self._status} HTTP/1.0\r\n\r\n' >&3"
        probe = f"exec 3<>/dev/tcp/127.0.0.1/{REST_PORT} && {request} && grep -q AVAILABLE <&3"
        target = str(self.place).replace("$", "$$")
        return f"""\
# TensorFlow Serving for this directory: `docker compose up -d --wait`.
# A new version, which appears here as a directory, is loaded by itself, and then replaces the one
# before. To go back, write model_version_policy {{ specific {{ versions: 1 }} }} below base_path
# into models.config, which is read again every minute.
services:
  serving:
    # Replace `latest` by the release that you have tested.
    image: tensorflow/serving:latest
    command:
{_listed(self._arguments, 6)}
    ports:
      - "{GRPC_PORT}:{GRPC_PORT}"
      - "{REST_PORT}:{REST_PORT}"
    volumes:
      - type: bind
        source: .
        target: {_quoted(target)}
        read_only: true
    healthcheck:
      test:
{_listed(["CMD", "bash", "-c", probe], 8)}
      interval: 10s
      timeout: 5s
      retries: 3
      start_period: 60s
    restart: unless-stopped
    deploy:
      resources:
        limits:
          cpus: "2"
          memory: 2G
"""

    def kubernetes(self) -> str:
        """Returns `kubernetes.yaml`: a volume claim, a deployment, a service and its budget.

        The server opens its ports after the first version has been loaded, and answers for the
        signatures of a model while a version is loaded.
        """
        label, status = self.label, _quoted(self._status)
        metadata = _quoted(f"{self._status}/metadata")
        return f"""\
# TensorFlow Serving on Kubernetes: `kubectl apply -f kubernetes.yaml`.
# Copy the directory of this file into the volume, or export into the volume itself. A new version,
# which appears there as a directory, is loaded by all pods, and then replaces the one before.
# To go back, write model_version_policy {{ specific {{ versions: 1 }} }} below base_path into
# models.config there, which is read again every minute. After a change of batching_parameters.txt:
# `kubectl rollout restart deployment/{label}`.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {label}
spec:
  # All pods read it, and exports write it. Name a storageClassName that allows that.
  accessModes: [ReadWriteMany]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {label}
  labels:
    app.kubernetes.io/name: {label}
spec:
  replicas: 2
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {label}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {label}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 60
      containers:
        - name: serving
          # Replace `latest` by the release that you have tested.
          image: tensorflow/serving:latest
          args:
{_listed(self._arguments, 12)}
          ports:
            - name: grpc
              containerPort: {GRPC_PORT}
            - name: rest
              containerPort: {REST_PORT}
          # The first version is loaded and warmed up within ten minutes.
          startupProbe:
            httpGet:
              path: {status}
              port: rest
            periodSeconds: 5
            failureThreshold: 120
          readinessProbe:
            httpGet:
              path: {metadata}
              port: rest
            periodSeconds: 5
          # A new start would not bring back a model whose directory is missing.
          livenessProbe:
            tcpSocket:
              port: rest
          # Requests still arrive until all nodes know that the pod ends.
          lifecycle:
            preStop:
              exec:
                command: [sleep, "10"]
          resources:
            requests:
              cpu: "1"
              memory: 1Gi
            limits:
              memory: 2Gi
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: models
              mountPath: {_quoted(str(self.place))}
              readOnly: true
      volumes:
        - name: models
          persistentVolumeClaim:
            claimName: {label}
---
apiVersion: v1
kind: Service
metadata:
  name: {label}
spec:
  selector:
    app.kubernetes.io/name: {label}
  ports:
    - name: grpc
      port: {GRPC_PORT}
      targetPort: grpc
    - name: rest
      port: {REST_PORT}
      targetPort: rest
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {label}
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {label}
"""


def _quoted(text: str) -> str:
    """Returns text as a string of YAML, which all of JSON's are."""
    return json.dumps(text, ensure_ascii=False)


def _listed(values: Sequence[str], indent: int) -> str:
    return "\n".join(f"{' ' * indent}- {_quoted(value)}" for value in values)
