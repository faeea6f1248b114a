"""Header of an image file, read by TensorFlow operations: format, alpha, EXIF orientation."""

from typing import Any

import tensorflow as tf

# TensorFlow's types do not know all operators of a tensor.
Tensor = Any

_ORIENTATION_TAG = 0x0112


class Header:
    """Header of an image file.

    Args:
        raw: The contents of the file, a scalar string tensor.

    Attributes:
        is_jpeg: Whether it is a JPEG, a boolean tensor; likewise `is_png`, `is_bmp`, `is_webp` and
            `is_gif`.
        png_bits: Bits of each channel of a PNG.
        has_alpha: Whether a PNG has an alpha channel or declares transparent colours.
    """

    def __init__(self, raw: Tensor) -> None:
        self._size = tf.cast(tf.strings.length(raw), tf.int64)
        # Reads behind the end give 0.
        self._data = tf.io.decode_raw(tf.strings.join([raw, b"\0"]), tf.uint8)
        head = tf.strings.substr(raw, 0, 12)
        self.is_jpeg = tf.strings.substr(head, 0, 3) == b"\xff\xd8\xff"
        self.is_png = tf.strings.substr(head, 0, 4) == b"\x89PNG"
        self.is_bmp = tf.strings.substr(head, 0, 2) == b"BM"
        self.is_gif = tf.strings.substr(head, 0, 4) == b"GIF8"
        self.is_webp = tf.strings.regex_full_match(head, r"RIFF\C{4}WEBP")
        self.png_bits = self._number(24, 1)
        self._exif, declares = self._parts()
        kind = self._number(25, 1)
        self.has_alpha = self.is_png & (declares | (kind == 4) | (kind == 6))

    @property
    def is_animated_webp(self) -> Tensor:
        """Whether a WebP declares an animation."""
        is_extended = self._number(12, 4) == int.from_bytes(b"VP8X", "big")
        return self.is_webp & is_extended & (self._number(20, 1) // 2 % 2 == 1)

    @property
    def is_plain_bmp(self) -> Tensor:
        """Whether a BMP is uncompressed, in 24 or 32 bits, or grey in 8."""
        bits, compression = self._number(28, 2, "little"), self._number(30, 4, "little")
        start, end = 14 + self._number(14, 4, "little"), self._number(10, 4, "little")
        table = tf.cast(self._data[start:end], tf.int64)
        table = tf.reshape(table[: tf.size(table) // 4 * 4], (-1, 4))[:, :3]
        levels = tf.range(tf.shape(table, out_type=tf.int64)[0])[:, tf.newaxis]
        is_grey = (bits == 8) & tf.reduce_all(table == levels)
        return (compression == 0) & ((bits == 24) | (bits == 32) | is_grey)

    @property
    def is_opaque_gif(self) -> Tensor:
        """Whether the first frame of a GIF fills it, and declares no transparent colour."""
        flags = self._number(10, 1)
        table = tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)

        # An extension is its two first bytes and blocks, which begin with their size, up to 0.
        def more(at: Tensor, inside: Tensor, _: Tensor) -> Tensor:
            return (at < self._size) & (inside | (self._number(at, 1) == 0x21))

        def step(at: Tensor, inside: Tensor, opaque: Tensor) -> tuple:
            size, label, _, control = tf.unstack(self._bytes(at, 4))
            is_clear = ~inside & (label == 0xF9) & (control % 2 == 1)
            return at + tf.where(inside, size + 1, 2), ~inside | (size > 0), opaque & ~is_clear

        begin = [13 + table, tf.constant(False), tf.constant(True)]
        at, _, opaque = tf.while_loop(more, step, begin)
        # The frame's left, top, width and height; the width and height of the whole.
        frame, whole = self._bytes(at + 1, 8), self._bytes(6, 4)
        return opaque & tf.reduce_all(frame == tf.concat([[0, 0, 0, 0], whole], axis=0))

    @property
    def orientation(self) -> Tensor:
        """EXIF orientation from 1 to 8; 1 without EXIF data.

        Reference:
            CIPA DC-008 (Exif 2.32), tag 0x0112.
        """
        is_prefixed = self._number(self._exif, 4) == int.from_bytes(b"Exif", "big")
        start = self._exif + tf.where(is_prefixed, tf.constant(6, tf.int64), 0)
        is_little = self._number(start, 1) == 0x49

        def weights(size: int) -> Tensor:
            return tf.where(is_little, _weights(size, "little"), _weights(size, "big"))

        # A directory is a count, and entries of 12 bytes: tag, type, count and value.
        directory = start + self._number(start + 4, 4, weights(4))
        end = directory + 2 + 12 * self._number(directory, 2, weights(2))
        entries = tf.cast(self._data[directory + 2 : end], tf.int64)
        entries = tf.reshape(entries[: tf.size(entries) // 12 * 12], (-1, 12))
        tags = tf.reduce_sum(entries[:, 0:2] * weights(2), axis=1)
        values = tf.reduce_sum(entries[:, 8:10] * weights(2), axis=1)
        said = tf.boolean_mask(values, (tags == _ORIENTATION_TAG) & (values <= 8))
        return tf.reduce_max(tf.concat([[1], said], axis=0))

    def _parts(self) -> tuple[Tensor, Tensor]:
        """Returns the offset of EXIF data, and whether a PNG declares transparent colours.

        JPEG, PNG and WebP files are sequences of parts, each with its length and name. The parts
        behind the pixels of a PNG are not read.
        """
        names = [b"Exif", b"eXIf", b"EXIF", b"tRNS", b"IDAT"]
        jpeg, png, webp, transparent, pixels = (int.from_bytes(name, "big") for name in names)

        def more(at: Tensor, is_over: Tensor, *_: Tensor) -> Tensor:
            return (at < self._size) & ~is_over

        def step(at: Tensor, _: Tensor, exif: Tensor, declares: Tensor) -> tuple:
            first, second = self._number(at, 4), self._number(at + 4, 4)
            marker = first // 65536
            is_exif = (
                (self.is_jpeg & (marker == 0xFFE1) & (second == jpeg))
                | (self.is_png & (second == png))
                | (self.is_webp & (first == webp))
            )
            is_over = is_exif | tf.where(self.is_jpeg, marker == 0xFFDA, second == pixels)
            size = self._number(at + 4, 4, "little")
            length = tf.where(self.is_png, 12 + first, 8 + size + size % 2)
            length = tf.where(self.is_jpeg, 2 + first % 65536, length)
            begin = at + tf.where(self.is_jpeg, tf.constant(4, tf.int64), 8)
            return (
                at + length,
                is_over,
                tf.where(is_exif, begin, exif),
                declares | (self.is_png & (second == transparent)),
            )

        at = tf.where(self.is_webp, tf.constant(12, tf.int64), 8)
        at = tf.where(self.is_jpeg, tf.constant(2, tf.int64), at)
        has_parts = self.is_jpeg | self.is_png | self.is_webp
        begin = [at, ~has_parts, self._size, tf.constant(False)]
        _, _, exif, declares = tf.while_loop(more, step, begin)
        return exif, declares

    def _bytes(self, at: int | Tensor, size: int) -> Tensor:
        indices = tf.minimum(at + tf.range(size, dtype=tf.int64), self._size)
        return tf.cast(tf.gather(self._data, indices), tf.int64)

    def _number(self, at: int | Tensor, size: int, order: Any = "big") -> Tensor:
        """Returns the integer in some bytes, in a byte order or with given weights."""
        weights = _weights(size, order) if isinstance(order, str) else order
        return tf.reduce_sum(self._bytes(at, size) * weights)


def _weights(size: int, order: str) -> Tensor:
    """Returns the weight of each byte of an integer of some size."""
    powers = range(size) if order == "little" else reversed(range(size))
    return tf.constant([256**power for power in powers], tf.int64)
