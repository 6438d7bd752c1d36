"""TODO docstring of aquanet_tf.config.command_line."""

from __future__ import annotations

import dataclasses

from absl import flags

from aquanet_tf.config.options import Config


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines one absl flag for each field of `Config`."""
    for field in dataclasses.fields(Config):
        arguments = [field.name, field.default, field.metadata["help"]]
        if choices := field.metadata["choices"]:
            arguments.insert(2, list(choices))
            flags.DEFINE_enum(*arguments, flag_values=values)
        elif isinstance(field.default, bool):
            flags.DEFINE_bool(*arguments, flag_values=values)
        elif isinstance(field.default, int):
            flags.DEFINE_integer(*arguments, flag_values=values)
        elif isinstance(field.default, float):
            flags.DEFINE_float(*arguments, flag_values=values)
        else:
            flags.DEFINE_string(*arguments, flag_values=values)


def parse(arguments: list[str]) -> Config:
    """The `Config` that a command line of train would give, without running it: flags of `Config`
    and --flagfile, the later one wins. Raises ValueError naming a bad flag or file."""
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
    """The `Config` that the parsed flags say. Raises ValueError naming a bad flag."""
    return Config(**{field.name: values[field.name].value for field in dataclasses.fields(Config)})
