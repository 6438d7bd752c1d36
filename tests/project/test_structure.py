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

# A module of aquanet_tf imports from its own layer or from layers above it in this list. A new
# module is added where it belongs.
LAYERS = (
    {
        "__init__",
        "checkout",
        "cli",
        "config",
        "distance_bands",
        "figures",
        "interruption",
        "json_file",
        "option",
        "visualize",
    },
    {"images", "sources", "video", "png16", "pointcloud"},
    {"camera", "kitti_layout", "ground_truth", "metrics", "mask_quality", "eigen"},
    {"records", "manifest", "augment", "native_library", "resample", "mixture", "input_pipeline"},
    {
        "pose",
        "precision",
        "quantization",
        "positional",
        "blocks",
        "mobile",
        "aquanet",
        "posenet",
        "estimator",
    },
    {"addons", "sampling", "native_warp", "streaming", "warping", "synthesis", "automask"},
    {"vgg", "losses", "boosting", "spimo", "stages", "stage_two"},
    {
        "checkpoints",
        "teachers",
        "callbacks",
        "failures",
        "inference",
        "mask_cache",
        "phases",
        "run_record",
        "strategy",
    },
    {"prediction", "predictor", "artifact"},
    {"ablation", "ablation_jobs", "ablation_results", "ablation_table", "ablation_figures"},
    {"train", "evaluate", "predict", "build_native", "ablate"},
)
ADD_ONS = {"tensorflow_addons", "keras_cv"}


def imports(path):
    """Dotted names that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import; write the package's name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_used(path):
    """Modules of aquanet_tf that a file imports."""
    dotted = (name.split(".") for name in imports(path))
    return {parts[1] for parts in dotted if parts[0] == "aquanet_tf" and len(parts) > 1} & {
        p.stem for p in CODE if p.parent.name == "aquanet_tf"
    }


def test_core_imports_neither_tools_nor_add_ons():
    for path in (ROOT / "aquanet_tf").rglob("*.py"):
        roots = {name.split(".")[0] for name in imports(path)}
        forbidden = {"data_prep", "export", "tests", "benchmarks"}
        # addons.py is the one place for them, and is imported only where a flag asks for it.
        assert not roots & (forbidden | (set() if path.stem == "addons" else ADD_ONS)), path
    for path in (ROOT / "data_prep").rglob("*.py"):
        assert "export" not in {name.split(".")[0] for name in imports(path)}, path


def test_layers_are_kept():
    rank = {module: number for number, layer in enumerate(LAYERS) for module in layer}
    for path in (ROOT / "aquanet_tf").glob("*.py"):
        assert path.stem in rank, f"{path}: give it a layer in LAYERS of {__file__}"
        for module in modules_used(path):
            assert rank[module] <= rank[path.stem], f"{path} imports {module} of a later layer"


def test_verbs_are_imported_by_no_module():
    for path in CODE:
        assert not modules_used(path) & LAYERS[-1], path


def test_no_import_cycles():
    graph = {path.stem: modules_used(path) for path in (ROOT / "aquanet_tf").glob("*.py")}
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, aquanet_tf; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & ({"tensorflow", "keras", "numpy", "PIL", "matplotlib"} | ADD_ONS)


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
        for stack, elsewhere in (("card", ">= '3.12'"), ("current", "< '3.12'")):
            assert elsewhere in requirement or name in pinned(stack), f"{name}: pin it in {stack}"


def test_add_ons_can_be_imported():
    """tensorflow-addons on the card stack only: with Keras 3 it cannot be imported."""
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
