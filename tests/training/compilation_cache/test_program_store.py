"""Store of compiled programs: what is linked, what is removed, and its size."""

import os

import pytest

from kerasnn.training.compilation_cache.store import ProgramStore, make_private

KEY = "0123456789abcdef"
LIMIT = 1 << 20


def store(tmp_path, limit_bytes=LIMIT, key=KEY):
    make_private(tmp_path / "store")
    return ProgramStore(tmp_path / "store", key, limit_bytes)


def compiled(tmp_path, name, content):
    path = tmp_path / f"{name}.pb"
    path.write_bytes(content)
    return path


def linked(tmp_path, key=KEY):
    """Name and content of what a process would read."""
    directory = tmp_path / os.urandom(8).hex()
    directory.mkdir()
    store(tmp_path, key=key).link_into(directory)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def stored(tmp_path):
    return sorted((tmp_path / "store").iterdir())


def test_a_program_is_read_as_it_was_added(tmp_path):
    for name in ("a", "b"):
        store(tmp_path).add(compiled(tmp_path, name, name.encode() * 1000))
    assert linked(tmp_path) == {"a.pb": b"a" * 1000, "b.pb": b"b" * 1000}
    # Another processor or version reads none, and removes none.
    assert linked(tmp_path, key="f" * 16) == {}
    assert len(linked(tmp_path)) == 2


def test_a_program_of_the_same_name_replaces_the_former(tmp_path):
    for content in (b"old", b"new", b"new"):
        store(tmp_path).add(compiled(tmp_path, "a", content))
    assert linked(tmp_path) == {"a.pb": b"new"}
    assert len(stored(tmp_path)) == 1


def damages(content):
    """Twenty ways to damage a file."""
    yield from (b"", content[:1], content[:-1], content + b"\0", content[::-1])
    yield from (content[:size] + bytes(len(content) - size) for size in (0, 100, 500))
    for i in range(12):
        at = i * len(content) // 12
        yield content[:at] + bytes([content[at] ^ (1 << i % 8)]) + content[at + 1 :]


def test_damaged_programs_are_removed(tmp_path):
    content = os.urandom(1000)
    count = 0
    for count, damaged in enumerate(damages(content), 1):
        store(tmp_path).add(compiled(tmp_path, f"p{count}", content))
        [program] = (p for p in stored(tmp_path) if f".p{count}." in p.name)
        program.write_bytes(damaged)
    assert count == 20
    store(tmp_path).add(compiled(tmp_path, "whole", content))
    assert linked(tmp_path) == {"whole.pb": content}
    assert len(stored(tmp_path)) == 1


def test_what_is_no_program_is_left_alone(tmp_path):
    store(tmp_path).add(compiled(tmp_path, "a", b"a"))
    [program] = stored(tmp_path)
    digest = program.name.rpartition(".")[2]
    place = tmp_path / "store"
    (place / f"{KEY}.link.pb.{digest}").symlink_to(program)
    (place / f"{KEY}.directory.pb.{digest}").mkdir()
    (place / f".{KEY}.a.pb.0123.{digest}").write_bytes(b"a draft of a killed process")
    (place / f"{KEY}.json").write_text("{}")
    assert linked(tmp_path) == {"a.pb": b"a"}
    assert len(stored(tmp_path)) == 5


def test_programs_that_were_not_used_for_long_go_first(tmp_path):
    for i, name in enumerate("abcd"):
        store(tmp_path).add(compiled(tmp_path, name, name.encode() * 1000))
        [program] = (p for p in stored(tmp_path) if f".{name}.pb." in p.name)
        # The first was read after all others were written.
        os.utime(program, (100 if name == "a" else i, i))
    store(tmp_path, limit_bytes=3000).add(compiled(tmp_path, "e", b"e" * 1000))
    assert sorted(linked(tmp_path)) == ["a.pb", "d.pb", "e.pb"]
    # One that is larger than all may be does no harm.
    store(tmp_path, limit_bytes=500).add(compiled(tmp_path, "f", b"f" * 1000))
    assert linked(tmp_path) == {}


def test_the_store_is_its_users_own(tmp_path):
    make_private(tmp_path / "new" / "store")
    assert (tmp_path / "new" / "store").stat().st_mode & 0o777 == 0o700
    (tmp_path / "open").mkdir(mode=0o750)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "new" / "store")
    for name in ("open", "file", "link", "file/below"):
        with pytest.raises(OSError, match=name):
            make_private(tmp_path / name)
