"""A checkpoint with one setting spoiled: its own library's numbers, or a refusal in one line.

Never a third thing: an export that succeeds and answers otherwise than the library does.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import mutations
import pytest
from mutations import CHECKPOINTS, Mutation
from shapes import original

from edge_distil.errors import EdgeDistilError
from edge_distil_export import export_bundle

pytestmark = pytest.mark.safety
TOLERANCE = 1e-4
SEED = 20
EACH = 40  # mutations of a checkpoint, 400 in all


def check(spoiled: Path, output: Path) -> str:
    """Say what came of a spoiled checkpoint: ``"refused"``, ``"equal"``, or what is wrong."""
    try:
        bundle = export_bundle(spoiled, output)
    except EdgeDistilError as error:
        return "refused" if "\n" not in str(error) else f"more than a line: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    try:
        _, difference = original.compare(spoiled, output, bundle.manifest.task)
    except Exception as error:
        return f"exported, and then {type(error).__name__}: {error}"
    return "equal" if difference <= TOLERANCE else f"differs by {difference:.1e}"


def run(checkpoint: str, count: int, tmp_path: Path, seed: int = SEED) -> Counter[str]:
    """Try mutations of a checkpoint.

    Raises:
        AssertionError: At least one is neither refused nor equal; all of these are listed.
    """
    sound = tmp_path / "sound"
    CHECKPOINTS[checkpoint](sound)
    assert check(sound, tmp_path / "out") == "equal"
    outcomes: Counter[str] = Counter()
    wrong = []
    for number, mutation in enumerate(mutations.mutations(sound, count, seed)):
        spoiled = Path(shutil.copytree(sound, tmp_path / f"spoiled-{number}"))
        outcome = _try(mutation, spoiled, tmp_path / f"out-{number}")
        outcomes[outcome] += 1
        if outcome not in ("equal", "refused"):
            wrong.append(f"{mutation}: {outcome}")
    assert not wrong, "\n".join(wrong)
    return outcomes


def _try(mutation: Mutation, spoiled: Path, output: Path) -> str:
    mutation.apply(spoiled)
    outcome = check(spoiled, output)
    for folder in (spoiled, output):
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


@pytest.mark.parametrize("checkpoint", ["classifier", "sentences"])
def test_a_sample(checkpoint: str, tmp_path: Path) -> None:
    run(checkpoint, 10, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_all(checkpoint: str, tmp_path: Path) -> None:
    outcomes = run(checkpoint, EACH, tmp_path)
    assert outcomes.total() == EACH
    # Neither refusing everything nor leaving all settings without effect would be a proof.
    assert min(outcomes["equal"], outcomes["refused"]) >= 3
