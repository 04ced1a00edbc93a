"""The archives of a site that may hold an image."""

from xcatflow.model.image import canonical, is_id, is_pinned


def archive_names(reference: str) -> tuple[str, ...]:
    """Where a site may keep the image, best first: `images/REFERENCE.tar` with `/` and `:` as `_`, for `latest` also without the tag."""
    if is_pinned(reference) or is_id(reference):
        return ()
    names = [reference, canonical(reference)]
    names += [name.removesuffix(":latest") for name in names]
    return tuple(dict.fromkeys(f"images/{name.replace('/', '_').replace(':', '_')}.tar" for name in names))
