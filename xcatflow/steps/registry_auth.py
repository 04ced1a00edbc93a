"""Who we are to a registry, as steps are given it."""

from pydantic import Field

from xcatflow.contract import Params
from xcatflow.model.image import registry_name, registry_of
from xcatflow.transport.protocols import RegistryAuth


class Credentials(Params):
    """A user and password for a registry."""

    registry: str = Field(
        "",
        description="The registry, such as `registry.lan:5000`: that of the image's name, and taken from there when left out.",
    )
    username: str = Field(min_length=1, description="The user's name there.")
    password: str = Field(min_length=1, repr=False, description="The password or token; a secret: `${secret.NAME}`.")

    def towards(self, reference: str) -> RegistryAuth:
        """The same for the registry of an image. Raises ValueError where they are for another one, which must not hear the password."""
        theirs, own = registry_of(reference), registry_name(self.registry)
        if self.registry and own != theirs:
            raise ValueError(
                f'"{reference}" is an image of {theirs or "docker.io"}, and "auth" is for {self.registry}: correct one or leave it out'
            )
        return RegistryAuth(theirs, self.username, self.password)
