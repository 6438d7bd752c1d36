# Every target does its own set-up: `make test` and `make demo` are all a fresh machine needs.
#
#   PYTHON=python3.11      the Python (3.9-3.13) that makes the environments
#   DEMO=quick             a demo of three minutes that only shows that every step runs
#   ROADS=DIR              the folder with kitti_raw/ that `make roads` trains and measures on
#   ROADS_TRAIN="--seed=2" more flags for both trainings of `make roads`
#   PY=python SETUP=       use an environment of your own and skip the set-up

PYTHON ?= python3
VENV ?= .venv
PY ?= $(VENV)/bin/python
SETUP ?= $(VENV)/.installed
CURRENT := .venv-current
BEAM := .venv-beam
# At most four workers: each one loads TensorFlow and uses all cores for its arithmetic.
# The forward warp in C++; without a compiler everything runs, only slower.
NATIVE := -m aquanet_tf.native.build --optional
PYTEST := -m pytest -n auto --maxprocesses 4 --dist loadfile --durations 30

# TensorFlow 2.15 up to Python 3.11, the current one from 3.12 (see pyproject.toml).
STACK = $(shell $(PYTHON) -c "import sys; print('keras2' if sys.version_info < (3, 12) else 'keras3')")

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-current setup-beam demo test test-all test-current test-beam cross-stack bench lint clean roads

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# --- environments ------------------------------------------------------------------------------

setup: $(SETUP) ## make .venv and install the pinned packages (about 3 minutes, once)

setup-current: $(CURRENT)/.installed ## make .venv-current with TensorFlow 2.21 and Keras 3

$(VENV)/.installed: pyproject.toml constraints/keras2.txt constraints/keras3.txt
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit((3, 9) > v or v > (3, 13))" || \
	  { echo "error: $(PYTHON) must be Python 3.9 to 3.13; choose one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet -c constraints/$(STACK).txt -e ".[test,dev]"
	touch $@

# Below Python 3.12 the markers of pyproject.toml ask for TF 2.15 / Keras 2, so here the constraints
# file is the list of what to install, and the project itself comes without its dependencies.
$(CURRENT)/.installed: pyproject.toml constraints/keras3.txt
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit((3, 10) > v or v > (3, 13))" || \
	  { echo "error: the TF 2.21 / Keras 3 stack needs Python 3.10 to 3.13, not $(PYTHON)" >&2; exit 1; }
	$(PYTHON) -m venv $(CURRENT)
	$(CURRENT)/bin/python -m pip install --quiet -r constraints/keras3.txt
	$(CURRENT)/bin/python -m pip install --quiet --no-deps -e .
	touch $@

setup-beam: $(BEAM)/.installed ## make .venv-beam: TF 2.15 with Apache Beam

# Beam forbids some of the pins of the TF 2.15 stack; its own take their place.
$(BEAM)/.installed: pyproject.toml constraints/keras2.txt constraints/beam.txt
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit((3, 10) > v or v > (3, 11))" || \
	  { echo "error: Apache Beam beside TF 2.15 needs Python 3.10 or 3.11, not $(PYTHON)" >&2; exit 1; }
	$(PYTHON) -m venv $(BEAM)
	awk -F== 'NR == FNR { beam[$$1]; print; next } !($$1 in beam)' constraints/beam.txt constraints/keras2.txt > $(BEAM)/constraints.txt
	$(BEAM)/bin/python -m pip install --quiet -c $(BEAM)/constraints.txt -e ".[test,beam]"
	touch $@

# --- demo: a synthetic street in, depth, a served model and a report out --------------------------

ifeq ($(DEMO),quick)
NAME := demo-quick
STREET := --drives 4 --test_drives 1 --frames 6
STAGE1 := --flagfile=configs/street/smoke.flags
STAGE2 := --flagfile=configs/street/smoke.flags --stage=2
QUICK := --quick
else
NAME := demo
STREET := --drives 40 --test_drives 4 --frames 24
STAGE1 := --flagfile=configs/street/demo_stage1.flags
STAGE2 := --flagfile=configs/street/demo_stage2.flags
endif
DATA ?= data/$(NAME)
RUN ?= runs/$(NAME)
# TensorFlow's C++ log says much about GPUs that are not there; failures still raise in Python.
demo bench roads: export TF_CPP_MIN_LOG_LEVEL ?= 3
# A step whose mark stands in RUN/done is not done again; delete RUN to start anew.
DONE := $(RUN)/done
MARK = @mkdir -p $(@D) && touch $@
# Runs one step; RUN/report.html shows meanwhile what there is so far. export/demo/steps.py lists the steps.
STEP = $(PY) -m export.demo --run $(RUN) $(QUICK) --step

demo: $(DONE)/report ## a first picture -> street -> both stages -> evaluate -> export -> runs/demo/report.html
	@echo "finished: open $(RUN)/report.html"

# Something to see within a minute. Order only: a run begun without it is not done again.
$(DONE)/first: | $(SETUP)
	@echo "open $(RUN)/report.html: it fills while the demo runs"
	$(STEP) first -- $(PY) -m aquanet_tf.predict --workdir pretrained/street --input pretrained/street/example.png --write color --out $(RUN)/first
	@echo "the first picture: $(RUN)/first/example_color.png"
	$(MARK)

$(DONE)/street: | $(DONE)/first
	$(STEP) street -- $(PY) -m data_prep.street --out $(DATA)/raw $(STREET) --height 96 --width 312 --seed 1
	$(MARK)

$(DONE)/records: $(DONE)/street
	$(STEP) records -- $(PY) -m data_prep.kitti --raw_dir $(DATA)/raw --split $(DATA)/raw/splits/train.txt --camera 2 --height 96 --out $(DATA)/records
	$(MARK)

$(DONE)/stage1: $(DONE)/records
	$(STEP) stage1 -- $(PY) $(NATIVE)
	$(STEP) stage1 -- $(PY) -m aquanet_tf.train $(STAGE1) --data_dir=$(DATA)/records --workdir=$(RUN)/stage1
	$(MARK)

$(DONE)/stage2: $(DONE)/stage1
	$(STEP) stage2 -- $(PY) -m aquanet_tf.train $(STAGE2) --data_dir=$(DATA)/records --stage1_workdir=$(RUN)/stage1 --workdir=$(RUN)/stage2
	$(MARK)

HELD_OUT := --gt_dir $(DATA)/raw --split $(DATA)/raw/splits/test.txt

$(RUN)/stage1/evaluation.json: $(DONE)/stage1
	$(STEP) evaluation1 -- $(PY) -m aquanet_tf.evaluate --workdir $(RUN)/stage1 $(HELD_OUT) --mask_quality --out $@

$(RUN)/stage2/evaluation.json: $(DONE)/stage2
	$(STEP) evaluation2 -- $(PY) -m aquanet_tf.evaluate --workdir $(RUN)/stage2 $(HELD_OUT) --baselines --out $@

$(DONE)/predict: $(DONE)/stage2
	$(STEP) predict -- $(PY) -m aquanet_tf.predict --workdir $(RUN)/stage2 --input $(DATA)/raw/$$(head -n 1 $(DATA)/raw/splits/test.txt)/image_02/data --out $(RUN)/predictions
	$(MARK)

$(DONE)/saved_model: $(DONE)/stage2
	$(STEP) saved_model -- $(PY) -m export.saved_model --workdir $(RUN)/stage2 --out $(RUN)/saved_model
	$(MARK)

# The report takes the place of the page only when it is whole and nothing writes the page any more.
$(DONE)/report: $(RUN)/stage1/evaluation.json $(RUN)/stage2/evaluation.json $(DONE)/predict $(DONE)/saved_model
	$(STEP) report -- $(PY) -m export.report --workdir $(RUN)/stage2 --evaluation $(RUN)/stage2/evaluation.json --stage1_evaluation $(RUN)/stage1/evaluation.json --sheet $(RUN)/stages.png --out $(RUN)/finished.html
	mv $(RUN)/finished.html $(RUN)/report.html
	$(MARK)

# --- real roads: from KITTI's files to networks measured with lidar; half an hour ---------------

ifneq ($(filter roads,$(MAKECMDGOALS)),)
ifeq ($(wildcard $(ROADS)/kitti_raw/2011_09_26),)
$(error ROADS=$(ROADS) has no kitti_raw/2011_09_26: run "make roads ROADS=DIR" with the folder that has it)
endif
endif
ROADS_DATA ?= data/roads
ROADS_RUN ?= runs/roads
ROADS_DONE := $(ROADS_RUN)/done
# The protocol of docs/results/roads.md; 0039 and 9999 are drives that no training has seen.
ROADS_PROTOCOL := --ground_truth velodyne --crop garg --max_depth 80 --alignment median --baselines
ROADS_MEASURED := $(foreach stage,stage1 stage2,$(foreach drive,0039 9999,$(ROADS_RUN)/$(stage)/$(drive).json))

roads: $(ROADS_MEASURED) $(ROADS_RUN)/report.html ## KITTI -> both stages -> lidar -> runs/roads/report.html (ROADS=DIR; half an hour)
	@echo "open $(ROADS_RUN)/report.html"

$(ROADS_DONE)/records: | $(SETUP)
	$(PY) -m data_prep.kitti --raw_dir $(ROADS)/kitti_raw --split configs/roads/train.txt --camera 2 --height 96 --out $(ROADS_DATA)/records
	$(MARK)

$(ROADS_DONE)/stage1: $(ROADS_DONE)/records
	$(PY) $(NATIVE)
	$(PY) -m aquanet_tf.train --flagfile=configs/roads/stage1.flags $(ROADS_TRAIN) --data_dir=$(ROADS_DATA)/records --workdir=$(ROADS_RUN)/stage1
	$(MARK)

$(ROADS_DONE)/stage2: $(ROADS_DONE)/stage1
	$(PY) -m aquanet_tf.train --flagfile=configs/roads/stage2.flags $(ROADS_TRAIN) --data_dir=$(ROADS_DATA)/records --stage1_workdir=$(ROADS_RUN)/stage1 --workdir=$(ROADS_RUN)/stage2
	$(MARK)

$(ROADS_RUN)/stage1/%.json: $(ROADS_DONE)/stage1
	$(PY) -m aquanet_tf.evaluate --workdir $(ROADS_RUN)/stage1 --gt_dir $(ROADS)/kitti_raw --split configs/roads/$*.txt $(ROADS_PROTOCOL) --out $@

$(ROADS_RUN)/stage2/%.json: $(ROADS_DONE)/stage2
	$(PY) -m aquanet_tf.evaluate --workdir $(ROADS_RUN)/stage2 --gt_dir $(ROADS)/kitti_raw --split configs/roads/$*.txt $(ROADS_PROTOCOL) --out $@

$(ROADS_DONE)/predict: $(ROADS_DONE)/stage2
	$(foreach drive,0039 9999,$(PY) -m aquanet_tf.predict --workdir $(ROADS_RUN)/stage2 --input $(ROADS)/kitti_raw/$$(cat configs/roads/$(drive).txt)/image_02/data --out $(ROADS_RUN)/predictions/$(drive) &&) true
	$(MARK)

$(ROADS_RUN)/report.html: $(ROADS_RUN)/stage1/0039.json $(ROADS_RUN)/stage2/0039.json $(ROADS_DONE)/predict
	$(PY) -m export.report --workdir $(ROADS_RUN)/stage2 --evaluation $(ROADS_RUN)/stage2/0039.json --stage1_evaluation $(ROADS_RUN)/stage1/0039.json --out $@

# --- proof -----------------------------------------------------------------------------------------

test: $(SETUP) ## the tests, without the long ones
	$(PY) $(NATIVE)
	$(PY) $(PYTEST) -m "not slow"

test-all: $(SETUP) ## the tests and the long ones: kills at random moments, every documented command
	$(PY) $(NATIVE)
	$(PY) $(PYTEST)

test-current: $(CURRENT)/.installed ## the tests under TensorFlow 2.21 and Keras 3
	$(CURRENT)/bin/python $(NATIVE)
	$(CURRENT)/bin/python $(PYTEST) -m "not slow"

cross-stack: $(SETUP) $(CURRENT)/.installed ## checkpoints of either TensorFlow on the other
	$(PY) -m tests.project.cross_stack $(PY) $(CURRENT)/bin/python

test-beam: $(BEAM)/.installed ## --runner=beam against threads
	$(BEAM)/bin/python -m pytest -q tests/data_prep/dataset/test_beam.py

bench: $(SETUP) data/bench/png/manifest.json data/bench/jpeg/manifest.json ## against PyTorch (installs torch: large), scaling
	$(PY) -m pip install --quiet -c constraints/$(STACK).txt -e ".[benchmark]"
	$(PY) $(NATIVE)
	$(PY) -m benchmarks.compare --records data/bench/png,data/bench/jpeg --out benchmarks/results.md
	$(PY) -m benchmarks.scaling --out docs/scaling.png --csv benchmarks/scaling.csv

# KITTI's size; decoding hardly cares what is in the picture.
data/bench/raw/splits/train.txt: | $(SETUP)
	$(PY) -m data_prep.street --out data/bench/raw --drives 2 --test_drives 0 --frames 18 --height 375 --width 1242

data/bench/%/manifest.json: data/bench/raw/splits/train.txt
	$(PY) -m data_prep.kitti --raw_dir data/bench/raw --image_format $* --out data/bench/$*

lint: $(SETUP) ## ruff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

clean: ## remove environments, caches and demo outputs
	rm -rf .venv .venv-current .venv-beam build ./*.egg-info aquanet_tf/native/lib .pytest_cache .ruff_cache .hypothesis
	rm -rf data/bench data/demo data/demo-quick runs/demo runs/demo-quick
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
