"""Parser of the pages and tables that the package writes."""

import html.parser

VOID = {"meta", "link", "img", "br", "hr", "input", "rect", "path", "use", "image"}


class Page(html.parser.HTMLParser):
    """What a test looks at: sections, tables, attributes, open elements."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.source = source
        self.open, self.attributes, self.tags = [], [], []
        self.sections, self.tables, self.texts = [], {}, []
        self._rows, self._cell, self._caption = None, None, None
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.attributes += [(tag, *each) for each in attrs.items()]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(attrs["id"])
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("th", "td", "caption"):
            self._cell = []

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *each) for each in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "caption":
            self._caption = self.words()
        if tag in ("th", "td"):
            self._rows[-1].append(self.words())
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data):
        self.texts.append(data)
        if self._cell is not None:
            self._cell.append(data)

    def words(self):
        text, self._cell = " ".join("".join(self._cell).split()), None
        return text

    def table(self, start):
        """Rows of the table whose caption starts so, by their first cells."""
        [rows] = [rows for caption, rows in self.tables.items() if caption.startswith(start)]
        head, *body = rows
        return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in body}

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())
