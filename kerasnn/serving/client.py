"""`client`."""

from kerasnn.serving.rest.client import RestClient


def client(
    url: str, name: str, *, version: int | None = None, timeout_s: float = 10.0
) -> RestClient:
    """Returns a client of TensorFlow Serving's REST interface; see `RestClient`.

    Example:
        >>> asks = client("http://localhost:8501", "iris")
        >>> asks.predict([[5.1, 3.5, 1.4, 0.2]])  # doctest: +SKIP
        {'probabilities': array([[0.98, 0.02, 0.  ]]), 'labels': array(['setosa'], dtype='<U6')}
    """
    return RestClient(url, name, version=version, timeout_s=timeout_s)
