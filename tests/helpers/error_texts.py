"""The texts of all errors that tests meet, kept in one file beside this one.

A test looks at the fields of an error; the words stand in `error_texts.json`. After words have
changed, `pytest --update-error-texts` writes them anew, and a diff shows what users will read.
"""

import json
import pathlib
import re

FILE = pathlib.Path(__file__).with_name("error_texts.json")
_ROOT = FILE.parents[2]


class ErrorTexts:
    """The texts by test, in the order in which the test meets them.

    Args:
        update: Whether to note the texts that are met instead of comparing them.
    """

    def __init__(self, update):
        self.update = update
        self.known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        self.met = {}

    def meet(self, test, error):
        """Compares or notes the text of one error."""
        texts = self.met.setdefault(test, [])
        texts.append(_without_what_changes(str(error)))
        if not self.update:
            kept = self.known.get(test, [])
            expected = kept[len(texts) - 1] if len(kept) >= len(texts) else None
            assert texts[-1] == expected, "Run `pytest --update-error-texts` if this is meant."

    def write(self):
        """Writes what was met over what was known, and drops tests that are gone."""
        texts = {name: kept for name, kept in self.known.items() if _exists(name)} | self.met
        lines = json.dumps(dict(sorted(texts.items())), indent=1, ensure_ascii=False)
        FILE.write_text(lines + "\n", encoding="utf-8")


def _without_what_changes(text):
    """Returns a text without folders, addresses, ports, long fractions and Keras's counters."""
    text = text.replace(str(_ROOT), "<root>")
    text = re.sub(r"/[^\s'\"`]*?/pytest-\d+/(popen-gw\d+/)?[^\s'\"`/.,]+", "<tmp>", text)
    text = re.sub(r"\b0x[0-9a-f]{6,}", "<address>", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)
    # As pandas 3 names its classes.
    text = re.sub(r"pandas\.core\.\w+\.(\w+)", r"pandas.\1", text)
    # The last digits of a model's outputs differ by processor.
    text = re.sub(r"-?\d+\.\d{3,}(e[-+]?\d+)?", "<number>", text)
    # TensorFlow counts functions.
    text = re.sub(r"(?<=[a-z])_\d+(?=_[a-z])", "", text)
    # A name that Keras gives ends in the number of such objects in the process.
    return re.sub(r"\b([a-z]+(?:_[a-z]+)*)(?:_\d+)+\b", r"\1", text)


def _exists(name):
    path, _, test = name.partition("::")
    file = _ROOT / path
    function = test.rpartition("::")[2].partition("[")[0]
    return file.exists() and f"def {function}(" in file.read_text(encoding="utf-8")
