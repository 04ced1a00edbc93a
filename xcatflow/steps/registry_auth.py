"""Who we are to a registry, as steps are given it."""

from pydantic import Field

from xcatflow.contract import Params
from xcatflow.steps.reference import registry_of
from xcatflow.transport.protocols import RegistryAuth


class Credentials(Params):
    """A user and password for a registry."""

    registry: str = Field(
        "", description="The registry, such as `registry.lan:5000`. Left out: that of the image's name."
    )
    username: str = Field(min_length=1, description="The user's name there.")
    password: str = Field(min_length=1, repr=False, description="The password or token; a secret: `${secret.NAME}`.")

    def towards(self, reference: str) -> RegistryAuth:
        """The same for the registry of an image."""
        return RegistryAuth(self.registry or registry_of(reference), self.username, self.password)
