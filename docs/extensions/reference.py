"""Pages of the API reference: one a package, of each name in its `__all__`."""

import importlib
import inspect
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import kerasnn
from extensions import pages
from extensions.docstrings import text

# Headings of the index, from what a user begins with to what a user seldom needs.
GROUPS = {
    "Training": ["kerasnn", "training", "callbacks", "schedules", "optimizers", "scale", "config"],
    "Networks": ["models", "layers", "tasks", "transfer"],
    "Data": ["data"],
    "Judging a model": ["selection", "doctor", "plots", "report"],
    "Using a model": ["serving", "playground"],
    "Calculus": ["autodiff", "ops"],
}

_LINK_BACK = re.compile(r'<a class="viewcode-back".*?</a>')


def setup(app: Any) -> dict[str, bool]:
    """Has the pages written before Sphinx looks for its sources."""
    app.connect("config-inited", write_pages)
    app.connect("html-page-context", without_links_back)
    return {"parallel_read_safe": True}


def write_pages(app: Any, config: Any) -> None:
    """Writes a page a package and the table of all of them."""
    folder = pathlib.Path(app.srcdir, "reference")
    packages = {name: _package(name) for names in GROUPS.values() for name in names}
    owners = _owners(packages.values())
    index = []
    for group, names in GROUPS.items():
        index += [f"## {group}", ""]
        for name in names:
            pages.write(folder / f"{name}.rst", "\n".join(_page(packages[name], owners)))
            index += [*_index_entry(name, packages[name]), ""]
    package_pages = (
        "\n".join(name for names in GROUPS.values() for name in names) + "\nerrors\ncommand_line"
    )
    index += ["```{toctree}", ":hidden:", "", package_pages, "```", ""]
    pages.write(folder / "packages.inc", "\n".join(index))


def without_links_back(
    app: Any, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Removes the links from source to the reference, which viewcode finds by the module's name.

    A name is documented where it is imported from, and not in the module that defines it.
    """
    if page.startswith("_modules/"):
        context["body"] = _LINK_BACK.sub("", context["body"])


def public_names(package: Any) -> list[str]:
    """Returns the names of a package's `__all__` that are no packages themselves."""
    names = [name for name in package.__all__ if not inspect.ismodule(getattr(package, name))]
    return [name for name in names if name != "__version__"]


def _package(name: str) -> Any:
    return kerasnn if name == "kerasnn" else importlib.import_module(f"kerasnn.{name}")


def _owners(packages: Iterable[Any]) -> dict[int, str]:
    """Returns the path under which each public object is documented, by the object's identity.

    That is the one in `kerasnn` itself, and else the one in the package that defines it.
    """
    owners: dict[int, str] = {}
    for package in packages:
        for name in public_names(package):
            public, path = getattr(package, name), f"{package.__name__}.{name}"
            home = getattr(public, "__module__", "").startswith(f"{package.__name__}.")
            if id(public) not in owners or (home and owners[id(public)] != f"kerasnn.{name}"):
                owners[id(public)] = path
    return owners


def _index_entry(name: str, package: Any) -> Iterator[str]:
    first = (inspect.getdoc(package) or "").partition("\n\n")[0].replace("\n", " ")
    names = public_names(package)
    links = [f"{{py:obj}}`{public} <{package.__name__}.{public}>`" for public in names]
    yield from (f"[{package.__name__}]({name}.rst)", f": {first}", "", f"  {', '.join(links)}")


def _page(package: Any, owners: dict[int, str]) -> Iterator[str]:
    """Yields the lines of a package's page; `owners` has where each public object is documented."""
    title = package.__name__
    yield from (title, "=" * len(title), "", f".. py:module:: {title}", "")
    yield from text(inspect.getdoc(package) or "").splitlines()
    yield ""
    names = public_names(package)
    yield from _summary(package, names)
    for name in names:
        public, path = getattr(package, name), f"{title}.{name}"
        owner = owners[id(public)]
        yield from _entry(public, path) if owner == path else _other_name(public, path, owner)
    for module in _modules(package):
        yield from (f".. py:module:: {module.__name__}", "")
        yield from text(inspect.getdoc(module) or "").splitlines()
        yield ""
        for name in public_names(module):
            yield from _entry(getattr(module, name), f"{module.__name__}.{name}")
    results = [public for public in _results(package, names) if id(public) not in owners]
    if results:
        yield from ("Returned objects", "-" * 16, "")
        yield from ("Of classes that functions of this package return.", "")
    for public in results:
        owners[id(public)] = f"{public.__module__}.{public.__qualname__}"
        yield from _entry(public, owners[id(public)])


def _modules(package: Any) -> list[Any]:
    """Returns the public modules inside a package, but for those with a page of their own."""
    members = [getattr(package, name) for name in package.__all__]
    return [] if package is kerasnn else [each for each in members if inspect.ismodule(each)]


def _summary(package: Any, names: list[str]) -> Iterator[str]:
    if names:
        yield from (".. list-table::", "   :widths: 30 70", "   :class: summary", "")
    for name in names:
        yield f"   * - :py:obj:`{name} <{package.__name__}.{name}>`"
        yield f"     - {_first_sentence(getattr(package, name))}"
    yield ""


def _first_sentence(public: Any) -> str:
    if not callable(public):
        return f"The :py:obj:`{type(public).__name__}` `{public!s}`."
    return text(" ".join((inspect.getdoc(public) or "").partition("\n\n")[0].split()))


def _entry(public: Any, path: str) -> Iterator[str]:
    if inspect.isclass(public):
        yield from (f".. autoclass:: {path}", "   :members:", "")
    elif callable(public):
        yield from (f".. autofunction:: {path}", "")
    else:
        package, _, name = path.rpartition(".")
        yield from (f".. py:data:: {name}", f"   :module: {package}", "")
        yield from (f"   {_first_sentence(public)}", "")


def _other_name(public: Any, path: str, owner: str) -> Iterator[str]:
    kind = "class" if inspect.isclass(public) else "function" if callable(public) else "data"
    package, _, name = path.rpartition(".")
    yield from (f".. py:{kind}:: {name}", f"   :module: {package}", "")
    yield from (f"   {_first_sentence(public)}", "")
    yield from (f"   It is :py:obj:`{owner}`, which has its arguments, rules and examples.", "")


def _results(package: Any, names: list[str]) -> list[Any]:
    """Returns the classes of this project that the functions return and no `__all__` names."""
    found: dict[Any, None] = {}
    for name in names:
        public = getattr(package, name)
        if inspect.isfunction(public):
            returned = inspect.signature(public).return_annotation
            if inspect.isclass(returned) and returned.__module__.startswith("kerasnn."):
                found[returned] = None
    return list(found)
