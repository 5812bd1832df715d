"""Speech of Festival: statistical (HTS), unit-selection and diphone voices of Debian's `festvox-*` packages."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from corpus import Clip, build, sound
from numpy.typing import NDArray
from texts import generator, sentence


@dataclass(frozen=True)
class Voice:
    """One Festival voice: its method, language, sex, the encoding that it reads, and its package's licence."""

    method: str
    language: str
    sex: str
    encoding: str
    licence: str


VOICES = {
    "cmu_us_slt_arctic_hts": Voice("HTS", "en", "female", "latin-1", "BSD-style (CMU, Nagoya Institute of Technology)"),
    "upc_ca_ona_hts": Voice("HTS", "ca", "female", "latin-1", "LGPL-2.1-or-later"),
    "kal_diphone": Voice("diphone", "en", "male", "latin-1", "BSD-style (CMU)"),
    "ked_diphone": Voice("diphone", "en", "male", "latin-1", "BSD-style (CMU)"),
    "msu_ru_nsh_clunits": Voice("unit selection", "ru", "male", "utf-8", "BSD-style (Nickolay V. Shmyrev)"),
    "czech_ph": Voice("diphone", "cs", "male", "iso8859-2", "GPL-2"),
    "czech_machac": Voice("diphone", "cs", "male", "iso8859-2", "GPL-3-or-later"),
    "czech_dita": Voice("diphone", "cs", "female", "iso8859-2", "GPL-3-or-later"),
    "suo_fi_lj_diphone": Voice("diphone", "fi", "female", "latin-1", "LGPL-2.1-or-later"),
    "hy_fi_mv_diphone": Voice("diphone", "fi", "male", "latin-1", "LGPL-2.1-or-later"),
    "pc_diphone": Voice("diphone", "it", "male", "latin-1", "GPL-2-or-later"),
    "lp_diphone": Voice("diphone", "it", "female", "latin-1", "GPL-2-or-later"),
}
STATISTICAL = "HTS"  # counts as tts; the rest joins recorded pieces: concat
ROTATION = ("cmu_us_slt_arctic_hts", "kal_diphone", "cmu_us_slt_arctic_hts", "ked_diphone", *VOICES)


def speak(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """Samples at the voice's rate, 16 to 48 kHz."""
    name = clip.speaker.split(":")[1]
    stretch = generator(f"settings {clip.path}").uniform(0.85, 1.25)
    with tempfile.TemporaryDirectory() as folder:
        text, wave = Path(folder) / "text.txt", Path(folder) / "speech.wav"
        text.write_text(sentence(clip.path, clip.language), encoding=VOICES[name].encoding, errors="replace")
        setting = f"(begin (voice_{name}) (Parameter.set 'Duration_Stretch {stretch:.2f}))"
        subprocess.run(["text2wave", "-eval", setting, str(text), "-o", str(wave)], check=True, capture_output=True)
        return sound(wave)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=128)
    chosen = parser.parse_args()
    names = [ROTATION[index % len(ROTATION)] for index in range(chosen.clips)]
    clips = [
        Clip(
            path=f"festival/{index:04d}.flac",
            kind="tts" if VOICES[name].method == STATISTICAL else "concat",
            system=f"Festival {VOICES[name].method} {name}",
            speaker=f"festival:{name}",
            source="generated/festival",
            data_license=VOICES[name].licence,
            language=VOICES[name].language,
            sex=VOICES[name].sex,
            accent="American" if VOICES[name].language == "en" else "",
            year="2010",
        )
        for index, name in enumerate(names)
    ]
    build(chosen.out, clips, speak)


if __name__ == "__main__":
    main()
