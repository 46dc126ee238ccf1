"""What of a bundle goes to the hub, and how it gets there."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_distil.bundle import Bundle
from edge_distil.errors import InputError, PushError
from edge_distil.manifest import FILE_NAME, Manifest
from edge_distil_apps.hub.card import card

CARD = "README.md"
_YES = {"1", "on", "true", "yes"}  # as huggingface_hub reads its variables


@dataclass(frozen=True)
class Upload:
    """A file that is to go to the hub.

    Attributes:
        path: Where it will be there.
        content: The file here, or its bytes.
    """

    path: str
    content: Path | bytes

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


def uploads(bundle: Bundle, name: str) -> list[Upload]:
    """Return the files of a bundle that its manifest names, the manifest and a card.

    Every file is hashed: what is pushed is what was proven. A ``README.md`` that lies in the bundle
    is its card; nothing else that lies there goes along.

    Args:
        bundle: The bundle.
        name: The repository, for a card that is made.

    Raises:
        BundleError: A file differs from its record.
        InputError: The directory has no manifest.
    """
    if bundle.inferred:
        raise InputError(
            f"{bundle.path} has no {FILE_NAME}, so it cannot be told what belongs to it: export "
            "the checkpoint, and push that bundle"
        )
    paths = [record.path for record in bundle.verify(present=True)]
    own = bundle.path / CARD
    text = own if own.is_file() else card(_as_is(bundle), name).encode()
    named = [path for path in paths if path != CARD]
    return [Upload(CARD, text), *(Upload(p, bundle.path / p) for p in [FILE_NAME, *sorted(named)])]


def _as_is(bundle: Bundle) -> Manifest:
    """Return the manifest without the variants that were left out."""
    variants = bundle.manifest.variants
    present = {name: variants[name] for name in bundle.present_variants()}
    return dataclasses.replace(bundle.manifest, variants=present)


def check_name(name: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        InputError: It is none.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise InputError(f"{name!r} is no repository, expected OWNER/NAME: correct it") from error
    if name.count("/") != 1:
        raise InputError(f"{name!r} is no repository, expected OWNER/NAME: add the owner")


def push(files: list[Upload], name: str, *, private: bool, revision: str | None) -> str:
    """Make the repository if it is not there, and commit the files in one commit.

    Args:
        files: What to commit.
        name: ``OWNER/NAME``.
        private: Make a new repository private.
        revision: The branch; by default main.

    Returns:
        The commit's address.

    Raises:
        PushError: There is no connection, no token, or the hub refuses.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _YES:
        raise PushError("HF_HUB_OFFLINE is set, so nothing is sent: unset it to push")
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    token = get_token()
    if not token:
        raise PushError(
            "there is no token to push with: set HF_TOKEN to one that may write, or log in with "
            "`hf auth login`"
        )
    api = HfApi(token=token)
    with _refusals(name, token):
        api.create_repo(name, private=private, exist_ok=True)
        operations = [
            CommitOperationAdd(
                f.path, f.content if isinstance(f.content, bytes) else str(f.content)
            )
            for f in files
        ]
        message = "Push a bundle with edge-distil"
        done = api.create_commit(name, operations, commit_message=message, revision=revision)
    return str(done.commit_url)


@contextmanager
def _refusals(name: str, token: str) -> Iterator[None]:
    """Turn what goes wrong on the way into one line, in which the token is not.

    Raises:
        PushError: Something did.
    """
    from huggingface_hub.errors import HfHubHTTPError

    # Each with `from None`: what the client says of a request may hold its headers.
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise PushError(
            f"the hub refuses {name} ({_said(error, token)}): {_remedy(status)}"
        ) from None
    except Exception as error:  # the client's own, and those of the HTTP library below it
        raise PushError(
            f"cannot push to {name} ({_said(error, token)}): check the connection"
        ) from None


def _said(error: Exception, token: str) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].replace(token, "***").rstrip(". ")


def _remedy(status: int) -> str:
    if status in (401, 403, 404):
        return "check the name, and that the token may write there"
    return "run the command again later"
