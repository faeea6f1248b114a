"""Data sets, each as the same `Split` into a training part and a test part."""

from kerasnn.data.from_csv import from_csv as from_csv
from kerasnn.data.from_directory import from_directory as from_directory
from kerasnn.data.from_tfds import from_tfds as from_tfds
from kerasnn.data.load import load as load
from kerasnn.data.split import Split as Split
