"""Section of the permutation importance by column of the table."""

import keras
import numpy as np

from kerasnn._core.display.blocks import Bar, Paragraph, Section, Table, decimals_of, fixed
from kerasnn.data.split import Split
from kerasnn.plots._permutation import Importance, Permuted, importances_of, loss_name
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.training.predict import predict

_MOST_COLUMNS = 100
_MOST_SHOWN = 30


def importances(
    split: Split, model: keras.Model, part: PredictedRows, repeats: int
) -> list[Importance]:
    """Returns the importance of each column, the largest first.

    Columns are the raw ones where there is an encoder, else those of a table x. It is empty where
    there is no table, or one of more than 100 columns.

    Args:
        split: The data, with their encoder and raw test rows.
        model: Predicts x.
        part: The test part, of which at most 2,000 rows are used.
        repeats: Number of permutations of each column.
    """
    if split.encoder is not None and split.raw_test is not None:
        raw = {name: values[part.sample] for name, values in split.raw_test.items()}
        rows = Permuted.of_raw_rows(split.encoder, raw)
    elif part.sample_x is not None:
        rows = Permuted.of_table(part.sample_x, split.features)
    else:
        return []
    if len(rows.names) > _MOST_COLUMNS or repeats == 0:
        return []

    def outputs(x: np.ndarray) -> np.ndarray:
        found = np.asarray(predict(model, x, batch_size=256, verbose=0), np.float64)
        return found.reshape(len(x), *part.predictions.shape[1:])

    return importances_of(rows, outputs, part.task, part.y[part.sample], repeats)


def importance(found: list[Importance], part: PredictedRows, repeats: int) -> Section | None:
    """Returns the section; None where nothing was found."""
    if not found:
        return None
    largest = max(found[0].mean, 1e-12)
    listed = found[:_MOST_SHOWN]
    decimals = decimals_of(largest)
    rows = [
        (
            each.name,
            fixed(each.mean, decimals),
            f"± {fixed(each.deviation, decimals)}",
            Bar(max(each.mean, 0) / largest),
        )
        for each in listed
    ]
    head = ("column", "rise of the loss", "deviation", "")
    caption = "Columns by importance"
    if len(found) > len(rows):
        caption += f": the first {len(rows)} of {len(found)}"
    text = (
        f"By how much the {loss_name(part.task)} rises when the values of one column are permuted "
        f"among {len(part.sample):,} test rows: the mean and the standard deviation of {repeats} "
        "permutations. About 0 means that the network does without the column; of columns that "
        "say the same, each may look unimportant."
    )
    table = Table(caption, head, rows, numeric=head[1:3], is_wide=True)
    return Section("importance", "Importance of the columns", [Paragraph(text), table])
