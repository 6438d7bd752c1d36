"""The example in the docstring of every public layer, network and loss runs as it stands."""

import doctest
import importlib
import inspect

import pytest

ROOMS = ("layers", "networks", "losses")


def public_classes():
    """(class name, class) of what `from aquanet_tf.ROOM import ...` offers."""
    for room in ROOMS:
        module = importlib.import_module(f"aquanet_tf.{room}")
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__.startswith(module.__name__):
                yield pytest.param(value, id=f"{room}.{name}")


@pytest.mark.parametrize("cls", list(public_classes()))
def test_the_example_in_the_docstring_runs(cls):
    scope = {cls.__name__: cls}
    example = doctest.DocTestParser().get_doctest(
        inspect.getdoc(cls), scope, cls.__name__, inspect.getsourcefile(cls), 0
    )
    assert example.examples, f"{cls.__name__}: give the docstring an example"
    said = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not result.failed, "".join(said)
