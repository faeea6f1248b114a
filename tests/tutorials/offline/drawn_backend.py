"""A Matplotlib backend that writes, beside each PNG, what the figure draws.

Pixels follow from fonts and from the last digits of a processor. What is written here are the
words of a figure, with numbers in them masked, and of each artist seven numbers in each direction.
"""

import json
import pathlib
import re

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.spines import Spine


class FigureCanvas(FigureCanvasAgg):
    def print_png(self, filename_or_obj, *, metadata=None, pil_kwargs=None, **_):
        super().print_png(filename_or_obj, metadata=metadata, pil_kwargs=pil_kwargs)
        path = pathlib.Path(filename_or_obj).with_suffix(".json")
        path.write_text(json.dumps(describe(self.figure), indent=1) + "\n", encoding="utf-8")


def describe(figure):
    """Returns the words and artists of each of a figure's axes, as plain data."""
    return {
        "size": [round(float(inches), 2) for inches in figure.get_size_inches()],
        "legends": [_words(legend) for legend in figure.legends],
        "axes": [_axes(ax) for ax in figure.axes],
    }


def _axes(ax):
    legend = ax.get_legend()
    drawn = [_artist(ax, artist) for artist in ax.get_children()]
    return {
        "title": _masked(ax.get_title()),
        "labels": [_masked(ax.get_xlabel()), _masked(ax.get_ylabel())],
        "scales": [ax.get_xscale(), ax.get_yscale()],
        "legend": _words(legend) if legend else [],
        "texts": sorted({_masked(text.get_text()) for text in ax.texts}),
        "artists": [artist for artist in drawn if artist is not None],
    }


def _words(legend):
    return [_masked(text.get_text()) for text in (legend.get_title(), *legend.get_texts())]


def _masked(text):
    return re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "#", text)


def _artist(ax, artist):
    """Returns the kind of an artist, and seven numbers of its x and of its y; None for frames."""
    if artist is ax.patch or isinstance(artist, Spine):
        return None
    if isinstance(artist, AxesImage):
        x = y = np.asarray(artist.get_array(), float)
    elif isinstance(artist, Line2D):
        x, y = (np.asarray(part, float) for part in artist.get_data())
    elif isinstance(artist, Collection):
        points = np.asarray(artist.get_offsets(), float)
        if len(artist.get_paths()) and points.shape[0] <= 1:
            points = np.concatenate([path.vertices for path in artist.get_paths()])
        # Where a contour begins says nothing: sorted, its first and last number are its ends.
        x, y = np.sort(points.T)
    elif isinstance(artist, Rectangle):
        x = np.array([artist.get_x(), artist.get_x() + artist.get_width()])
        y = np.array([artist.get_y(), artist.get_y() + artist.get_height()])
    elif isinstance(artist, Patch):
        x, y = artist.get_path().vertices.T
    else:
        return None
    scales = (ax.get_xscale(), ax.get_yscale())
    return {
        "kind": type(artist).__name__,
        "label": _masked(str(artist.get_label())) if artist.get_label()[:1] != "_" else "",
        "x": _numbers(x, scales[0]),
        "y": _numbers(y, scales[1]),
    }


def _numbers(values, scale):
    """Returns the first, the last, and the quartiles of what can be seen; logarithms of a scale."""
    values = np.ravel(values)
    if scale == "log":
        values = np.log10(values[values > 0])
    values = values[np.isfinite(values)]
    if not values.size:
        return []
    quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return [float(f"{v:.5g}") for v in (values[0], values[-1], *quartiles)]
