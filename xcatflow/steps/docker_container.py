"""`docker.container`: a container made of these parameters is there, and runs, is stopped, paused, or gone.

Source: Engine API on the states of a container. One listing of the daemon tells everything while nothing is to do: labels say what a
container was made of. Only where that is not what is wanted now, the daemon is asked for more.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import CannotTell, CannotUndo, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Container, ContainerDetails, Daemon, Image, Question
from xcatflow.steps.containers import acts
from xcatflow.steps.containers import replace as replacing
from xcatflow.steps.containers.changes import Known, changes_of, needs_details, undoing, updating
from xcatflow.steps.containers.labels import is_ours
from xcatflow.steps.containers.network import End, end_of
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.plan import Place, base_of, finishing, planned
from xcatflow.steps.containers.replace import kept_name, trial_name


class DockerContainer(Step[ContainerParams, Place]):
    """Changed in place where that can be done, replaced where it cannot, with the old one kept until the new one is well."""

    kind = "docker.container"
    params: ClassVar[type[Params]] = ContainerParams
    follows = ("docker.image",)

    def ask(self, want: ContainerParams) -> tuple[Question[Any], ...]:
        names = (want.name, kept_name(want.name), trial_name(want.name))
        image = (Image(want.image),) if want.image is not None and want.state != "absent" else ()
        return (*(Container(name) for name in names), *image)

    def ask_more(self, answers: Answers, want: ContainerParams) -> tuple[Question[Any], ...]:
        seen = self._listed(answers, want)
        base = base_of(seen, want)
        if want.state == "absent":
            return ()
        if base is None:
            return (Daemon(),)
        if not is_ours(want.name, base.labels):
            return (Daemon(), ContainerDetails(base.name)) if want.adopt else ()
        if needs_details(base, want, seen.known):
            return (Daemon(), ContainerDetails(base.name))
        return (Daemon(),) if changes_of(base, want, seen.known) else ()

    def seen(self, answers: Answers, want: ContainerParams) -> Place | None:
        seen = self._listed(answers, want)
        base = base_of(seen, want)
        known = seen.known
        if Daemon() in answers:
            known = replace(known, api=answers[Daemon()].used_api, newest=answers[Daemon()].api)
        if base and ContainerDetails(base.name) in answers:
            details = answers[ContainerDetails(base.name)]
            if details is None:
                raise CannotTell(f'container "{base.name}" went away while it was looked at')
            known = replace(known, details=details)
        if not (seen.own or seen.kept or seen.trial or known.api):
            return None
        return replace(seen, known=known)

    def _listed(self, answers: Answers, want: ContainerParams) -> Place:
        own, kept, trial = (
            answers[Container(name)] for name in (want.name, kept_name(want.name), trial_name(want.name))
        )
        image = answers[Image(want.image)] if want.image is not None and want.state != "absent" else None
        return Place(own, kept, trial, Known(image))

    def plan(self, seen: Place | None, want: ContainerParams) -> tuple[Change, ...]:
        return planned(seen or Place(None), want)

    def apply(self, at: Target, want: ContainerParams, seen: Place | None, change: Change) -> Mapping[str, str] | None:
        try:
            return self._act(at, want, seen or Place(None), change)
        except XcatflowError as error:
            if seen and finishing(seen, want) and _name(change) == want.name and change.verb is not Verb.REPLACE:
                raise replacing.go_back(at, want, seen.own.id if seen.own else "", error) from error
            raise

    def _act(self, at: Target, want: ContainerParams, seen: Place, change: Change) -> Mapping[str, str] | None:
        warnings: tuple[str, ...] = ()
        match change.verb:
            case Verb.CREATE:
                warnings = acts.create(at, want)
            case Verb.REPLACE:
                warnings = replacing.replace(at, want, revive=seen.kept is not None)
            case Verb.START:
                created = any(other.verb is Verb.CREATE for other in planned(seen, want))
                acts.start(at, want, fresh=created)
            case Verb.AWAIT:
                replacing.prove_running(at, want)
            case Verb.UPDATE if change.field == "name":
                acts.rename(at, _name(change), want.name)
            case Verb.UPDATE:
                acts.update(at, want.name, updating(want, seen.known))
            case Verb.ATTACH:
                again = change.before is not None or _connected(seen, want, change.field)
                acts.connect(at, want, change.field, was=end_of(at, want.name, change.field) if again else None)
            case Verb.DETACH:
                acts.disconnect(at, want.name, change.field)
            case Verb.REMOVE if _name(change) == kept_name(want.name) and finishing(seen, want):
                replacing.finish(at, want, seen.own.id if seen.own else "")
            case Verb.REMOVE if _in_vain(seen, want, _name(change)):
                acts.remove(at, _name(change), volumes=True)
            case plain:
                acts.do(at, plain, _name(change), want)
        return {"warnings": "\n".join(warnings)} if warnings else None

    def undo(self, at: Target, want: ContainerParams, seen: Place | None, change: Change) -> None:
        name = _name(change)
        back = {Verb.START: Verb.STOP, Verb.STOP: Verb.START, Verb.PAUSE: Verb.UNPAUSE, Verb.UNPAUSE: Verb.PAUSE}
        match change.verb:
            case Verb.CREATE:
                acts.discard(at, name, volumes=True)
            case Verb.ATTACH if change.before is None and not (seen and _connected(seen, want, change.field)):
                acts.disconnect(at, name, change.field)
            case Verb.ATTACH:
                six = want.fixed_address6 if change.field == want.main else None
                acts.put(at, want, change.field, End(change.before, six), was=end_of(at, name, change.field))
            case Verb.DETACH:
                base = base_of(seen, want) if seen else None
                at.docker.connect_network(change.field, name, address=base.fixed.get(change.field) if base else None)
            case Verb.UPDATE if change.field != "name" and seen and (body := undoing(want, seen.known)):
                acts.update(at, name, body)
            case verb if verb in back:
                acts.do(at, back[verb], name, want)
                if verb is Verb.STOP and change.before == "paused":
                    acts.do(at, Verb.PAUSE, name, want)
            case Verb.AWAIT:
                pass  # it changed nothing
            case Verb.REPLACE | Verb.REMOVE:
                raise CannotUndo(
                    f'the container "{name}" that was {change.verb}d is gone, with all that it had written'
                )
            case _:
                raise CannotUndo(f'the {change.field} of container "{name}" stays as it is now')

    def made(
        self, seen: Place | None, after: Place | None, want: ContainerParams, changes: tuple[Change, ...]
    ) -> tuple[Change, ...]:
        return tuple(change for change in changes if change.verb is not Verb.AWAIT)

    def outputs(self, seen: Place | None, want: ContainerParams) -> dict[str, str]:
        own = seen.own if seen else None
        addresses = own.addresses if own else {}
        address = addresses.get(want.main) or next(iter(addresses.values()), "")
        return {"name": want.name, "id": own.id if own else "", "address": address}


def _connected(seen: Place, want: ContainerParams, network: str) -> bool:
    """Was the container in the network?"""
    base = base_of(seen, want)
    return base is not None and network in base.networks


def _in_vain(seen: Place, want: ContainerParams, name: str) -> bool:
    """Is it what an interrupted replacement made, and nobody used?"""
    never_ran = name == want.name and seen.own is not None and seen.own.state == "created"
    return name == trial_name(want.name) or (never_ran and seen.kept is not None and want.state != "absent")


def _name(change: Change) -> str:
    return change.what.partition(" ")[2]
