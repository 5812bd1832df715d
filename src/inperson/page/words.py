"""What the page says of each signal beside what was measured: what it asks, and what would make an answer surer.

A signal of somebody else's detector has no entry; the page then shows its own name.
"""

from __future__ import annotations

from dataclasses import dataclass

from inperson.detectors import original


@dataclass(frozen=True, slots=True)
class Words:
    """How a signal is told to a reviewer.

    Attributes
    ----------
    letter : str
        Marks its moments on the timeline.
    title : str
    asks : str
        The question that was measured, in one sentence.
    look : str
        What to do at its moments.
    surer : tuple of str
        What would make an answer surer.
    """

    letter: str
    title: str
    asks: str
    look: str
    surer: tuple[str, ...]


SIGNALS = {
    "face_swap": Words(
        "F",
        "Face",
        "Is the face pasted into another head, or the whole head one picture that a machine moves?",
        "Look at the outline from brow to jaw at half speed: does an edge slip, flicker or lag behind the head? Do "
        "wrinkles, shadows and teeth change with the head, and do the eyes close?",
        (
            "A second recording with the face at least 200 pixels wide, in even light, without filters",
            "Ask for the background effect and 'touch up my appearance' to be switched off",
            "Ask live for a slow turn to full profile and back, and a hand passed before the face",
        ),
    ),
    "lip_sync": Words(
        "L",
        "Lips and voice",
        "Does this mouth speak with this voice, and how far is the sound from the lips?",
        "Watch lips closing on p, b and m at half speed: does the sound close with them?",
        (
            "A second recording with a wired microphone and no capture software in between",
            "Twenty seconds of speech with the mouth lit and uncovered, facing the camera",
            "Compare with the interviewer's offset in the same recording, where it is given",
        ),
    ),
    "synthetic_voice": Words(
        "V",
        "Voice",
        "Is the voice generated or converted by a machine?",
        "Listen with headphones, then to the interviewer for comparison: both came through the same call.",
        (
            "A minute of free speech with noise suppression and voice enhancement switched off",
            "A second recording through another microphone or over the telephone",
            "Calibrate on genuine recordings of your own calls",
        ),
    ),
    "response_latency": Words(
        "A",
        "Timing of answers",
        "Do answers begin as if something had to be waited for, against this person's own habit?",
        "Listen from the question on: is the pause filled, and does the question ask for thought?",
        (
            "A transcript with speaker labels, or a recording with one channel a person",
            "More short everyday exchanges: they are the person's own baseline",
            "Follow-up questions that build on what was just said",
        ),
    ),
    "reading": Words(
        "R",
        "Reading",
        "Do the eyes follow lines of text during answers?",
        "Watch the eyes at half speed: slow one way, a quick return, again and again?",
        (
            "Ask whether notes or a shown question were in use: they may be allowed",
            "A recording with the camera at eye height and the face near it",
            "Twenty seconds of answers or more with the eyes in view",
        ),
    ),
}
KINDS = {
    "profile": ("P", "head turned to the side"),
    "fast": ("M", "fast movement"),
    "edge": ("E", "cut by the picture's edge"),
    "return": ("B", "face comes back"),
    "covered": ("H", "mouth covered"),
    "second_onset": ("S", "fluent some time after its first sound"),
    "typing": ("T", "sounds like typing"),
    "whisper": ("W", "sounds like whispering"),
    "third_voice": ("O", "another voice before an answer"),
    "previous": ("Q", "speaks of the question before"),
    "away": ("", "candidate's face not seen"),
}
"""Breaks: places at which what is looked for would show. Letter and words."""
STATUS = {
    "scored": "measured",
    "inconclusive": "inconclusive",
    "abstained": "cannot tell",
    "not_applicable": "not applicable",
}
ORDER = ("scored", "inconclusive", "abstained", "not_applicable")
NOTES = (
    "This page shows evidence for a person to weigh. It holds no verdict; nothing follows from a number on it alone.",
    "Take the innocent explanations as the first hypothesis. A false alarm most often meets people with an accent, a "
    "plain webcam, a Bluetooth headset, noise suppression, a virtual background, glasses, a speech difference, an "
    "interpreter or a second language.",
    "Never pass on a bare pause or latency: it sways judgement by itself.",
    "The confidences of different signals are not independent and must not be multiplied or averaged.",
    "Nothing here is about emotion, stress, honesty, personality, ethnicity, health or identity, and nobody was "
    "compared with anybody outside the recording.",
    "Where something would follow from this page, ask for a second recording or a live check first, and tell the "
    "candidate whom to ask for a human review.",
)
LIMITS = (
    "No recorded job interviews, no labelled assistance and no labelled reading stood behind these measurements; few "
    "people per skin tone, age and accent, so false alarms by group are not known.",
    "The shipped calibrations do not travel: on other codecs, headsets and accents more genuine people score high. A "
    "calibration on genuine recordings of your own says how rare a score is there.",
    "Careful swaps, whole generated heads, mouths generated from the voice and voices of recent services can pass.",
)


def of(signal: str) -> Words:
    """The words of a signal, a variant's too; of an unknown one its own name and nothing invented."""
    known = SIGNALS.get(original(signal))
    return known or Words(signal[:1].upper() or "?", signal.replace("_", " "), "", "", ())
