"""Complete settings of one model; its section in ``models`` names only what differs.

A variant (``family: <file>``) takes what it leaves out from the section ``models.<file>``, and
every residual network from the section ``trunk``. A model made of others has their complete
settings in its key ``sides``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.models import registry
from pedecg.models.network_base import TrunkSettings

# Where a model's settings name another training that it continues.
CONTINUES = "cnn_from"


def complete(name: str, values: Mapping[str, Any], source: str = "params.yaml") -> dict[str, Any]:
    """Return all settings of a model.

    Parameters
    ----------
    name : a key of ``models``.
    values : the sections of a parameter file; `models` and `trunk` are read.
    source : name of the file, for messages.

    Raises
    ------
    PedecgError
        There is no such section, its family is no model, or a setting is wrong.
    """
    sections: Mapping[str, Any] = values.get("models") or {}
    if name not in sections:
        hint = params.did_you_mean(name, sections)
        raise PedecgError(f"{source}: models.{name} is missing{hint}")
    own = sections[name]
    if not isinstance(own, Mapping):
        raise PedecgError(f"{source}: section models.{name} must hold keys (found {own!r})")
    family = registry.family(name, own)
    base = sections.get(family) or {} if family != name else {}
    schema = registry.settings(name, own)
    settings = _with_trunk(schema, {**base, **own}, values.get("trunk") or {})
    params.parse(settings, f"models.{name}", schema, source)
    kinds = registry.sides(name, settings)
    if kinds:
        settings["sides"] = _sides(name, settings.get("sides") or {}, kinds, values, source)
    return settings


def _sides(
    name: str,
    changes: Mapping[str, Mapping[str, Any]],
    kinds: Mapping[str, str],
    values: Mapping[str, Any],
    source: str,
) -> dict[str, dict[str, Any]]:
    """Return the complete settings of each model that a fused one is made of.

    Parameters
    ----------
    changes : of their own sections; kinds : what each must be, see `registry.sides`.
    """
    for side in changes:
        if side not in kinds:
            hint = params.did_you_mean(side, kinds)
            raise PedecgError(f"{source}: models.{name}.sides names {side!r}, no side of it{hint}")
    sections = dict(values.get("models") or {})
    sides: dict[str, dict[str, Any]] = {}
    for side, kind in kinds.items():
        if side in sections:
            sections[side] = {**sections[side], **changes.get(side, {})}
        sides[side] = complete(side, {**values, "models": sections}, source)
        found = registry.kind(side, sides[side])
        if found != kind:
            raise PedecgError(
                f"{source}: models.{name} has the side {side!r}, a {found} model; expected a "
                f"{kind} model"
            )
        if sides[side].get(CONTINUES):
            raise PedecgError(
                f"{source}: models.{name} has the side {side!r}, which continues another training "
                f"({CONTINUES}); a side is trained by itself"
            )
    return sides


def read(name: str, file: Path = params.PARAMS_FILE) -> dict[str, Any]:
    """Return all settings of a model of a parameter file; see `complete`."""
    return complete(name, params.read_file(file), file.name)


def trunk(values: Mapping[str, Any], section: str, source: str = "params.yaml") -> TrunkSettings:
    """Return the settings of one residual network: section `trunk` with the changes of another.

    Parameters
    ----------
    values : the sections of a parameter file.
    section : dotted name of the section with the changes.
    """
    changes: Any = values
    for key in section.split("."):
        changes = changes.get(key) or {}
    whole = {**(values.get("trunk") or {}), **changes}
    return params.parse(whole, section, TrunkSettings, source)


def _with_trunk(
    schema: type[params.Section], own: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Fill in what a schema shares with `TrunkSettings`, also in sections inside it."""
    settings = {**own}
    if issubclass(schema, TrunkSettings):
        settings = {**defaults, **own}
    for key, field in schema.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, TrunkSettings):
            settings[key] = {**defaults, **(own.get(key) or {})}
    return settings
