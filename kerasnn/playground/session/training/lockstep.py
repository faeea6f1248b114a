"""Networks side by side that train epoch for epoch."""

import threading


class Pair:
    """Networks that keep the same number of epochs.

    One that is ahead waits for the others that run, so that none is ever more than an epoch ahead
    of one that has kept up. When they are paused, all end with the same epoch.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Epochs done and whether it runs, of each network.
        self._members: dict[str, tuple[int, bool]] = {}
        self._last: int | None = None

    def report(self, member: str, epoch: int, *, runs: bool) -> None:
        """Notes how many epochs a network has done, and whether it runs."""
        with self._lock:
            self._members[member] = epoch, runs
            if epoch == 0:
                self._last = None

    def leave(self, member: str) -> None:
        """Forgets a network."""
        with self._lock:
            self._members.pop(member, None)
            self._last = None

    def waits(self, member: str) -> bool:
        """Whether a network has to wait before its next epoch."""
        with self._lock:
            own, _ = self._members[member]
            ends = self._last is not None and own >= self._last
            return ends or self._is_ahead(member)

    def pause(self, member: str) -> int:
        """Pauses a network; returns how many epochs it has yet to train, 0 or 1.

        The last epoch is that which another one has already begun.
        """
        with self._lock:
            running = {name: epoch for name, (epoch, runs) in self._members.items() if runs}
            own = running.get(member)
            if own is None:
                return 0
            if self._last is None:
                begun = [self._begun(name, epoch) for name, epoch in running.items()]
                # One that is far behind is not waited for.
                self._last = max(begun) if max(begun) - min(running.values()) <= 1 else None
            return 0 if self._last is None else max(0, self._last - own)

    def play(self) -> None:
        """Lets all go on."""
        with self._lock:
            self._last = None

    def _begun(self, name: str, epoch: int) -> int:
        return epoch if self._is_ahead(name) else epoch + 1

    def _is_ahead(self, name: str) -> bool:
        own, _ = self._members[name]
        return any(runs and epoch < own for epoch, runs in self._members.values())


class Lockstep:
    """The pairs of a server, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: dict[str, tuple[Pair, set[str]]] = {}

    def join(self, name: str, member: str) -> Pair:
        """Returns the pair of a name, with a network more."""
        with self._lock:
            pair, members = self._pairs.setdefault(name, (Pair(), set()))
            members.add(member)
            return pair

    def leave(self, name: str, member: str) -> None:
        """Takes a network out of a pair."""
        with self._lock:
            pair, members = self._pairs[name]
            members.discard(member)
            pair.leave(member)
            if not members:
                del self._pairs[name]

    def __len__(self) -> int:
        """Returns the number of pairs that have networks."""
        return len(self._pairs)


class Member:
    """The place of one network in a pair, or in none.

    Args:
        lockstep: The pairs.
        identifier: Name of the network.
    """

    def __init__(self, lockstep: Lockstep, identifier: str) -> None:
        self._lockstep, self._identifier = lockstep, identifier
        self._name: str | None = None
        self._pair: Pair | None = None

    @property
    def is_alone(self) -> bool:
        """Whether the network is in no pair."""
        return self._pair is None

    def join(self, name: str | None) -> None:
        """Leaves a pair and joins another one; None joins none."""
        if self._name is not None:
            self._lockstep.leave(self._name, self._identifier)
        self._name = name
        self._pair = None if name is None else self._lockstep.join(name, self._identifier)

    def report(self, epoch: int, *, runs: bool) -> None:
        """Notes how many epochs the network has done, and whether it runs."""
        if self._pair is not None:
            self._pair.report(self._identifier, epoch, runs=runs)

    def waits(self) -> bool:
        """Whether the network has to wait before its next epoch."""
        return self._pair is not None and self._pair.waits(self._identifier)

    def pause(self) -> int:
        """Pauses the network; returns how many epochs it has yet to train, 0 or 1."""
        return 0 if self._pair is None else self._pair.pause(self._identifier)

    def play(self) -> None:
        """Lets the pair go on."""
        if self._pair is not None:
            self._pair.play()
