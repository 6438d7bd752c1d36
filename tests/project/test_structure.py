"""The house keeps its order: imports go one way, files stay small, both stacks can be imported."""

import ast
import graphlib
import importlib.metadata
import pathlib
import re
import subprocess
import sys

import pytest

import aquanet_tf

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = sorted(p for d in ("aquanet_tf", "data_prep", "export") for p in (ROOT / d).rglob("*.py"))
PYTHON = CODE + sorted(p for d in ("benchmarks", "tests") for p in (ROOT / d).rglob("*.py"))
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".flags", ".yaml", ".yml", ""}

PACKAGES = ("aquanet_tf", "data_prep", "export")
# Files that may import an add-on: both are end-of-life, so each has one place.
ADD_ONS = {"tensorflow_addons": "tfa_check.py", "keras_cv": "pretrained.py"}
ROOMS = [p.parent for d in PACKAGES for p in sorted((ROOT / d).glob("*/__init__.py"))]
LEAVES = {"cli", "files", "progress"}  # of aquanet_tf: not verbs, and used by every room


def imports(path):
    """Dotted names that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import; write the package's name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(package):
    """Dotted name -> path of every module of a package."""
    paths = [p for p in CODE if p.relative_to(ROOT).parts[0] == package]
    dotted = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in paths}
    return {name.removesuffix(".__init__"): path for name, path in dotted.items()}


MODULES = {name: path for package in PACKAGES for name, path in modules(package).items()}


def used(path):
    """(module, name) of every import from this project: name is None where it is the module."""
    for name in imports(path):
        if name in MODULES:
            yield name, None
        elif (parent := name.rpartition(".")[0]) in MODULES:
            yield parent, name.rpartition(".")[2]


def room(module):
    """First folder below the package; for a module at the top its own name."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def arrows(package):
    """Room -> rooms of the same package that it imports; modules at the top are rooms of one."""
    graph = {}
    for module, path in modules(package).items():
        targets = {room(t) for t, _ in used(path) if t.split(".")[0] == package} - {""}
        graph.setdefault(room(module), set()).update(targets - {room(module)})
    graph.pop("", None)
    return graph


def declared(folder):
    """The rooms that a room's docstring says it uses."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    line = text.splitlines()[-1] if text else ""
    assert re.fullmatch(r"Uses: [a-z_, ]+\.", line), (
        f"{folder}: the docstring ends with `Uses: ...`"
    )
    names = set(line.removeprefix("Uses: ").removesuffix(".").split(", "))
    return names - {"nothing"}


def test_core_imports_neither_tools_nor_add_ons():
    tools = {"data_prep", "export", "tests", "benchmarks"}
    for path in CODE:
        roots = {name.split(".")[0] for name in imports(path)}
        for name, place in ADD_ONS.items():
            assert name not in roots or path.name == place, f"{path} imports {name}"
        package = path.relative_to(ROOT).parts[0]
        if package == "aquanet_tf":
            assert not roots & tools, path
        if package == "data_prep":
            assert not roots & {"export", "tests", "benchmarks"}, path


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_form_no_circle(package):
    tuple(graphlib.TopologicalSorter(arrows(package)).static_order())  # raises CycleError


@pytest.mark.parametrize("folder", ROOMS, ids=lambda p: "/".join(p.parts[-2:]))
def test_a_room_uses_what_it_says(folder):
    package = folder.parent.name
    found = arrows(package)[folder.name] - LEAVES
    assert found == declared(folder), f"{folder.name} uses {sorted(found)}"


def test_verbs_are_imported_by_no_module():
    verbs = {
        module
        for module, path in MODULES.items()
        if module.count(".") == 1
        and path.name != "__init__.py"
        and 'if __name__ == "__main__"' in path.read_text()
    }
    assert len(verbs) > 10
    verbs |= {module for module in MODULES if module.endswith(".__main__")}
    for path in CODE:
        assert not {module for module, _ in used(path)} & verbs, path


def test_at_the_top_are_verbs_and_leaves():
    for path in (ROOT / "aquanet_tf").glob("*.py"):
        verb = 'if __name__ == "__main__"' in path.read_text()
        assert verb or path.stem in LEAVES | {"__init__"}, f"{path}: move it to a room"
    for leaf in LEAVES:
        targets = {room(module) for module, _ in used(ROOT / "aquanet_tf" / f"{leaf}.py")}
        assert targets <= {""}, leaf


def test_no_private_name_crosses_a_room():
    for module, path in MODULES.items():
        for target, name in used(path):
            same = target.split(".")[0] == module.split(".")[0] and room(target) == room(module)
            private = name and name.startswith("_") and not name.startswith("__")
            assert same or not private, f"{path} imports {target}.{name}"


def test_rooms_have_two_to_fourteen_modules():
    for folder in ROOMS:
        count = len([p for p in folder.glob("*.py") if p.name != "__init__.py"])
        count += len(list(folder.glob("*/__init__.py")))  # a room in the room counts as one
        assert 2 <= count <= 14, f"{folder} has {count}"


def test_numpy_only_rooms_load_no_tensorflow():
    chosen = [f for f in ROOMS if "NumPy only." in (f / "__init__.py").read_text()]
    names = [m for m, p in MODULES.items() if p.parent in chosen and p.name != "__main__.py"]
    assert len(chosen) >= 3
    code = f"import sys, {', '.join(names)}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_tests_mirror_the_rooms():
    """tests/ROOM/test_X.py, or test_X_TOPIC.py, tests X of the room (data_prep, export by name)."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        if folder.parts and folder.parts[0] in ("commands", "project"):
            continue
        base = ROOT if folder.parts and folder.parts[0] in PACKAGES else ROOT / "aquanet_tf"
        stems = {p.stem for p in (base / folder).glob("*.py")}
        name = path.stem.removeprefix("test_")
        assert any(name == stem or name.startswith(f"{stem}_") for stem in stems), path


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, aquanet_tf; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"tensorflow", "keras", "numpy", "PIL", "matplotlib", *ADD_ONS}


def test_files_stay_small():
    lengths = {path: len(path.read_text().splitlines()) for path in PYTHON}
    long = {str(path): length for path, length in lengths.items() if length > 350}
    assert not long, "split them: one noun per file"


def test_no_paths_of_one_machine():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout: no list of the project's own files")
    pattern = re.compile("/" + "root/|/" + r"home/\w|/" + r"work/|\.\./" + "shared")
    for name in done.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.suffix in TEXT_SUFFIXES:
            assert not (found := pattern.search(path.read_text())), f"{name}: {found.group()}"


def test_one_version():
    assert 'version = { attr = "aquanet_tf.__version__" }' in (ROOT / "pyproject.toml").read_text()
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE).group(1)
    assert newest == aquanet_tf.__version__
    try:
        installed = importlib.metadata.version("aquanet-tf")
    except importlib.metadata.PackageNotFoundError:
        return  # run from the checkout
    assert installed == aquanet_tf.__version__, "run make setup again"


def pinned(stack):
    """Names in constraints/STACK.txt; every line there must be an exact pin."""
    lines = (ROOT / "constraints" / f"{stack}.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert all(re.match(r"[a-z0-9-]+==\S+(; python_version .*)?$", line) for line in lines)
    return {line.split("==")[0] for line in lines}


def test_constraints_pin_every_requirement():
    text = (ROOT / "pyproject.toml").read_text()
    needed = text[text.index("dependencies = [") : text.index("benchmark = [")]
    needed = re.findall(r'^ *"(.+)",$', needed, re.MULTILINE)
    needed += re.findall(r'"([\w-]+)"', re.search(r"^test = .*|^dev = .*", text, re.M).group())
    assert len(needed) > 10
    assert "apache-beam" in pinned("beam")  # an environment of its own
    for requirement in needed:
        name = re.match(r"[\w-]+", requirement).group().lower()
        if name == "aquanet-tf":  # another extra of its own
            continue
        for stack, elsewhere in (("keras2", ">= '3.12'"), ("keras3", "< '3.12'")):
            assert elsewhere in requirement or name in pinned(stack), f"{name}: pin it in {stack}"


def test_add_ons_can_be_imported():
    """tensorflow-addons on the Keras 2 stack only: with Keras 3 it cannot be imported."""
    keras_2 = importlib.metadata.version("tensorflow").startswith("2.15.")
    code = "import keras_cv, tensorflow as tf"
    if keras_2:
        code += ", tensorflow_addons as tfa; from tensorflow_addons.image import resampler"
        # The custom op itself, which tensorflow-cpu could not load.
        code += "; print(resampler(tf.ones([1, 2, 2, 1]), tf.zeros([1, 1, 2])).numpy().item())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    if keras_2:
        assert done.stdout.split()[-1] == "1.0"
