"""The flags of a training, one for each option of `Config`."""

from __future__ import annotations

import dataclasses

from absl import flags, logging

from aquanet_tf import cli
from aquanet_tf.config import retired
from aquanet_tf.config.options import Config


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines one absl flag for each field of `Config`, and the retired ones, which --help does not
    list."""
    for field in dataclasses.fields(Config):
        _define(field, field.default, field.metadata["help"], values)
    for name in retired.KEPT:
        # DEFINE_string would list it in --help, under this module.
        values[name] = flags.Flag(
            flags.ArgumentParser(), flags.ArgumentSerializer(), name, None, "Retired."
        )


def _define(field: dataclasses.Field, default, help: str, values: flags.FlagValues) -> None:
    """The flag of one field of `Config`."""
    arguments = [field.name, default, help]
    if choices := field.metadata["choices"]:
        arguments.insert(2, list(choices))
        flags.DEFINE_enum(*arguments, flag_values=values)
    elif isinstance(field.default, bool):
        flags.DEFINE_bool(*arguments, flag_values=values)
    elif isinstance(field.default, int):
        flags.DEFINE_integer(*arguments, flag_values=values)
    elif isinstance(field.default, float):
        flags.DEFINE_float(*arguments, flag_values=values)
    elif field.metadata["paths"]:
        parser, serializer = cli.PathParser(cli.paths), flags.ArgumentSerializer()
        flags.DEFINE(parser, *arguments, flag_values=values, serializer=serializer)
    else:
        flags.DEFINE_string(*arguments, flag_values=values)


def define_overrides(names: list[str]) -> None:
    """Defines the flags of these options, for a command that uses a finished run with other values
    (`overridden`)."""
    for field in dataclasses.fields(Config):
        if field.name in names:
            help = f"{field.metadata['help']} Left out: the run's own."
            _define(field, None, help, flags.FLAGS)


def overridden(config: Config, names: list[str], options) -> Config:
    """`config` with those flags of `define_overrides` that were given.

    options: absl's FLAGS. Raises ValueError naming a bad flag.
    """
    given = {name: getattr(options, name) for name in names}
    return dataclasses.replace(
        config, **{name: value for name, value in given.items() if value is not None}
    )


def parse(arguments: list[str]) -> Config:
    """The `Config` of a command line of `aquanet_tf.train`.

    arguments: flags of `Config` and --flagfile; of a flag given twice the last one counts.

    Raises ValueError naming a bad flag or file.
    """
    values = flags.FlagValues()
    define_flags(values)
    try:
        rest = values(["train", *arguments])[1:]
    except flags.Error as error:
        raise ValueError(str(error)) from error
    if rest:
        raise ValueError(f"unexpected argument {rest[0]!r}; every option is a --flag")
    return from_flags(values)


def from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """The `Config` of parsed flags. Raises ValueError naming a bad flag; says so once for each
    retired flag that is given with the value that is built in now."""
    for name in retired.KEPT:
        if values[name].present:
            retired.check_flag(name, values[name].value)
            logging.warning("--%s has no effect any more: remove it", name)
    return Config(**{field.name: values[field.name].value for field in dataclasses.fields(Config)})
