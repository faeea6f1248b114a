"""`text`: builder of networks that read texts."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks, layers
from kerasnn.data.split import refuse_split
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task

_BATCH = 1024
# What Keras puts in front of a vocabulary: padding and all unknown words.
_RESERVED = ("", "[UNK]")


@_checks.known_arguments
def text(
    texts: Iterable[str] | None = None,
    outputs: int = 1,
    *,
    task: str,
    vocabulary: Sequence[str] | None = None,
    max_tokens: int = 20_000,
    maxlen: int | None = None,
    split: str = "whitespace",
    embedding: int = 64,
    units: int | Sequence[int] = (),
    cell: str = "lstm",
    bidirectional: bool = False,
    hidden: int | Sequence[int] = (),
    activation: Any = "relu",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    normalize: bool = True,
    optimizer: Any = "adam",
    learning_rate: Any = 1e-3,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Sequential:
    """Builds a network that reads raw texts: words, their embeddings, and a mean or recurrence.

    A text is lower-cased, its punctuation and symbols are removed, and it is split into words.
    Each word of the vocabulary has a trainable vector; all other words share one. The vectors of
    a text are averaged, or read by recurrent layers. All of this is in the model, so that `fit`,
    `predict`, a `.keras` file and an exported SavedModel take strings.

    The words are looked up anew in each epoch, in a TensorFlow graph; XLA cannot read text. For a
    long training, look them up once, and train the other layers, which the model shares, on the
    indices:

        part = models.Sequential(model.layers[1:])
        part.compile("adam", loss=model.loss, metrics=["accuracy"])
        part.fit(model.layers[0](texts), y, epochs=100)

    Args:
        texts: The training texts, whose most frequent words are the vocabulary. Give those of the
            training part alone. In `build` of `selection.cross_validate` and `tune` the words of
            the test rows of each fold would be among them: give a `vocabulary` there.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        vocabulary: The words themselves, in place of `texts`.
        max_tokens: Greatest number of words that `texts` give.
        maxlen: Number of words that are read of each text, from its start. None reads all.
        split: `"whitespace"` for words, or `"character"` for characters, such as of Chinese.
        embedding: Length of a word's vector.
        units: Units of each recurrent layer; `()` averages the vectors instead.
        cell: Recurrent layers are `"lstm"`, `"gru"` or `"simple"`.
        bidirectional: Whether each recurrent layer reads the text in both directions.
        hidden: Units of each dense hidden layer before the output; `()` for none.
        activation: Activation of the dense hidden layers, by name.
        dropout: Fraction of the mean, or of the last recurrent layer's outputs, and of each hidden
            layer's outputs that is dropped in training.
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel but the recurrent ones.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel but the recurrent ones.
        normalize: Whether to standardise the targets of `regression` with mean and variance of the
            training rows of the first `fit`.
        optimizer: Name of a Keras optimizer, or an optimizer with its own learning rate.
        learning_rate: Learning rate or schedule of an optimizer given by name.
        seed: Seed of initialisers and dropout. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule, or if not exactly one of `texts` and
            `vocabulary` is given.
        TypeError: If an argument is unknown.

    Example:
        >>> model = text(["A good film!", "a bad film"], task="binary", embedding=8, seed=0)
        >>> [str(word) for word in model.get_layer("words").get_vocabulary()[1:4]]
        ['[UNK]', 'film', 'a']
        >>> model.predict(["good", "Bad?"], verbose=0).shape
        (2, 1)

    Reference:
        Iyyer et al. (2015), doi:10.3115/v1/P15-1162: a mean of word vectors and dense layers.
        Joulin et al. (2017), arXiv:1607.01759.
    """
    task = Task(task)
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=False, seed=seed)
    _checks.integer("embedding", embedding)
    _checks.boolean("bidirectional", bidirectional)
    recurrent = _building_blocks.layer_sizes("units", units, empty=True)
    widths = _building_blocks.layer_sizes("hidden", hidden, empty=True)
    [function] = _building_blocks.layer_activations(activation, 1)
    if bidirectional and not recurrent:
        rule = "be False without recurrent layers"
        raise _checks.InvalidArgument("bidirectional", rule, bidirectional, "Give `units=(64,)`.")
    [rate] = _building_blocks.dropout_rates("dropout", dropout, 1)
    words = _words(texts, vocabulary, max_tokens=max_tokens, maxlen=maxlen, split=split)
    initializer: Any = keras.initializers.RandomUniform(-0.05, 0.05, seed=factory.seed())
    vectors = keras.layers.Embedding(
        words.vocabulary_size(),
        int(embedding),
        mask_zero=True,
        embeddings_initializer=initializer,
        name="embedding",
    )
    stack: list[Any] = [keras.Input((), dtype="string", name="text"), words, vectors]
    if recurrent:
        none = [0.0] * len(recurrent)
        stack += factory.recurrent(cell, recurrent, none, bidirectional=bidirectional)
    else:
        stack.append(layers.MaskedMean(name="mean"))
    stack += factory.dropout(rate, "dropout_text")
    inputs = (2 if bidirectional else 1) * recurrent[-1] if recurrent else int(embedding)
    stack += factory.hidden(inputs, widths, [function] * len(widths), [rate] * len(widths))
    stack += factory.output(outputs, task, normalize=normalize)
    model = Sequential(stack, name="text")
    return _building_blocks.compile_for(model, task, optimizer, learning_rate) if compile else model


@keras.saving.register_keras_serializable("kerasnn")
def plain_words(texts: Any) -> Any:
    """Returns texts in lower case, with a space for punctuation and symbols.

    Apostrophes are dropped, so that "don't" is one word. Keras's own standardisation knows ASCII
    alone.
    """
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, "['’]", "")  # noqa: RUF001
    return tf.strings.regex_replace(texts, r"[\p{P}\p{S}]+", " ")


def _words(
    texts: Any, vocabulary: Any, *, max_tokens: int, maxlen: int | None, split: str
) -> keras.layers.TextVectorization:
    """Returns the layer from texts to the indices of their words."""
    _checks.integer("max_tokens", max_tokens)
    if maxlen is not None:
        _checks.integer("maxlen", maxlen)
    _checks.one_of("split", split, ["whitespace", "character"])
    if (texts is None) == (vocabulary is None):
        raise _checks.InvalidArgument(
            "vocabulary",
            "be given where `texts` is not, and not beside it",
            vocabulary,
            "Give the training texts, or the words.",
            got="neither" if texts is None else "both",
        )
    standardize: Any = plain_words
    layer = keras.layers.TextVectorization(
        max_tokens=int(max_tokens) + len(_RESERVED) if vocabulary is None else None,
        standardize=standardize,
        split=split,
        output_sequence_length=maxlen,
        name="words",
    )
    if vocabulary is not None:
        layer.set_vocabulary(_checked_words(_strings("vocabulary", vocabulary)))
        return layer
    listed = _strings("texts", texts)
    layer.adapt(tf.data.Dataset.from_tensor_slices(listed).batch(_BATCH))
    if layer.vocabulary_size() <= len(_RESERVED):
        raise _checks.InvalidArgument("texts", "hold at least one word", texts)
    return layer


def _strings(name: str, values: Any) -> list[str]:
    rule = "be a sequence of at least one string"
    refuse_split(name, rule, values, "Give the training texts alone, and `task=split.task`.")
    is_listed = isinstance(values, Iterable) and not isinstance(values, (str, bytes))
    listed: list[Any] = list(values) if is_listed else []
    if not listed:
        hint = "Put a single text into a list." if isinstance(values, str) else ""
        raise _checks.InvalidArgument(name, rule, values, hint)
    for row, value in enumerate(listed):
        if not isinstance(value, str):
            got = f"{value!r} in row {row}"
            hint = "Drop the rows without a text, or give '' there."
            raise _checks.InvalidArgument(name, "hold strings", value, hint, got=got)
    return listed


def _checked_words(words: list[str]) -> list[str]:
    """Returns the words of a vocabulary without those that Keras puts in front."""
    words = [word for word in words if word not in _RESERVED]
    read = [text.decode() for text in plain_words(tf.constant(words, tf.string)).numpy()]
    for word, plain in zip(words, read, strict=True):
        if plain != word or word.split() != [word]:
            raise _checks.InvalidArgument(
                "vocabulary",
                "hold single words as the network reads them: lower case, no punctuation",
                word,
                f"This one would be {plain!r}." if plain != word else "",
                got=repr(word),
            )
    if len(set(words)) < len(words):
        repeated = next(word for i, word in enumerate(words) if word in words[:i])
        rule = "hold each word once"
        raise _checks.InvalidArgument("vocabulary", rule, repeated, got=repr(repeated))
    return words
