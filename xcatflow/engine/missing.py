"""What is said about a lookup that has neither value nor default."""


def missing(path: tuple[str, ...], step: str, *, gathered: bool = False) -> str:
    """The complaint about a lookup of a step; `{nodes}` stands where the nodes are to be named that have no value. `gathered` says
    whether facts that it asks for were found out at all."""
    needs = f'step "{step}" needs "${{{".".join(path)}}}", but '
    match path:
        case ("node", "facts", fact):
            if not gathered:
                return f"{needs}no facts were gathered yet of {{nodes}}: xcatflow facts"
            return f'{needs}"{fact}" is not among the facts of {{nodes}}'
        case ("node", "host", "facts", fact):
            if not gathered:
                return f"{needs}no facts were gathered yet of the Docker host of {{nodes}}: xcatflow facts"
            return f'{needs}"{fact}" is not among the facts of the Docker host of {{nodes}}'
        case ("node", "osimage" | "network" | "host" as reference, attribute):
            return f'{needs}no {reference} with a "{attribute}" belongs to {{nodes}}'
        case ("node", attribute):
            return f'{needs}"{attribute}" is not set on {{nodes}}: set it there or on one of the groups'
        case ("input", name):
            return f'{needs}nothing was given: add -i {name}=VALUE, or a default under "inputs"'
        case ("secret", name):
            variable = f"XCATFLOW_SECRET_{name.upper().replace('-', '_')}"
            return f'{needs}there is no secret "{name}": set {variable} or write the file secrets/{name}'
    return f"{needs}it has no value"
