"""What is said about a lookup that has neither value nor default."""


def missing(path: tuple[str, ...], step: str) -> str:
    """The complaint about a lookup of a step; `{nodes}` stands where the nodes are to be named that have no value."""
    needs = f'step "{step}" needs "${{{".".join(path)}}}", but '
    match path:
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
