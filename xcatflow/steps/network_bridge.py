"""`network.bridge`: a bridge over a NIC, a VLAN or a bond, which has taken over the NIC's addresses and routes.

The change travels over the very connection that goes through the NIC. The bridge has the NIC's MAC and its addresses, so that open
connections survive. The machine takes itself back, addresses, routes and files, unless the change is confirmed over a new connection:
see `network_guard.py`.
"""

from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.model.change import Change
from xcatflow.model.question import Answers, Question
from xcatflow.steps.networks.bridge_look import Network, network, question
from xcatflow.steps.networks.chain import Chain
from xcatflow.steps.networks.files import base_script, hooks, made
from xcatflow.steps.networks.guard import guarded
from xcatflow.steps.networks.live import open_script, shut_script
from xcatflow.steps.networks.made import Made
from xcatflow.steps.networks.plan import FILTER, differences, refuse
from xcatflow.steps.networks.transaction import change_script, undo_script
from xcatflow.steps.networks.want import BridgeParams, ChainParams
from xcatflow.steps.place import checked


class NetworkStep(Step[ChainParams, Network]):
    """A chain of links, made live and kept over reboots. All of its changes but that of the packet filter are one act, which comes with the
    first of them: between two of them a machine could not be left alone."""

    def ask(self, want: ChainParams) -> tuple[Question[Any], ...]:
        return (question(want.chain),)

    def seen(self, answers: Answers, want: ChainParams) -> Network | None:
        return network(answers[question(want.chain)])

    def plan(self, seen: Network | None, want: ChainParams) -> tuple[Change, ...]:
        assert seen is not None
        persist, chain = want.persist == "auto", _found(want, seen)
        refuse(seen, chain, persist=persist)
        return differences(seen, chain, persist=persist)

    def apply(self, at: Target, want: ChainParams, seen: Network | None, change: Change) -> None:
        assert seen is not None
        chain = _found(want, seen)
        if change.field == FILTER:
            checked(at, open_script(chain.top.name), f'cannot let frames pass through the bridge "{chain.top.name}"')
        elif change == self.plan(seen, want)[0]:
            failure = f'cannot make the {chain.top.kind} "{chain.top.name}"'
            files = self._made(at, want, seen)

            def script(directory: str) -> str:
                return change_script(chain, files, directory=directory, confirm_s=want.confirm_within, check=want.check)

            guarded(at, script, failure, want.confirm_within)

    def _made(self, at: Target, want: ChainParams, seen: Network) -> Made:
        if want.persist == "none":
            return Made(())
        chain = _found(want, seen)
        failure = f'cannot keep the {chain.top.kind} "{chain.top.name}" over reboots'
        base = checked(at, base_script(seen.stack, chain), failure)
        return made(seen.stack, chain, base.out.decode(), {link.name: link.mac for link in seen.links})

    def undo(self, at: Target, want: ChainParams, seen: Network | None, change: Change) -> None:
        assert seen is not None
        chain = _found(want, seen)
        if change.field == FILTER:
            failure = f'cannot stop frames from passing through the bridge "{chain.top.name}"'
            checked(at, shut_script(chain.top.name), failure)
        elif change == self.plan(seen, want)[0]:
            reading = hooks(seen.stack, chain) if want.persist == "auto" else ""

            def script(directory: str) -> str:
                return undo_script(chain, reading, directory=directory, confirm_s=want.confirm_within, check=want.check)

            guarded(at, script, f'cannot undo the {chain.top.kind} "{chain.top.name}"', want.confirm_within)

    def outputs(self, seen: Network | None, want: ChainParams) -> dict[str, str]:
        name = want.chain.top.name
        link = seen.find(name) if seen else None
        first = link.addresses[0].text if link and link.addresses else ""
        return {"name": name, "address": first.partition("/")[0]}


def _found(want: ChainParams, seen: Network) -> Chain:
    """The chain, with NICs by name."""
    return want.chain.found(seen.by_mac)


class NetworkBridge(NetworkStep):
    """The topmost link is a bridge."""

    kind = "network.bridge"
    params: ClassVar[type[Params]] = BridgeParams
