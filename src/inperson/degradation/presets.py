"""Named passages through a call: what each service, device or network does, as far as it is published.

Resolutions and bit rates are from public documentation where it has them:

- Zoom, "Calculating bandwidth usage for Zoom Meetings and Phone" (library.zoom.com): one to one, 600 kbit/s at 360p and
  1.2 Mbit/s at 720p; voice 60 to 80 kbit/s with its packet headers.
- Microsoft, "Network recommendations" for Azure Communication Services, which is the media stack of Teams
  (learn.microsoft.com): 500 kbit/s at 360p30, 1.2 Mbit/s at 720p30, 1 to 2 Mbit/s for several at 540p.
- Google, "Video codec requirements for Meet Media API" (developers.google.com): VP8, VP9 and AV1.
- Packet loss: the Gilbert profiles of str0m-netem, the network emulator of the WebRTC library str0m (docs.rs): on
  mobile networks a run of 2 lost packets after 100 good ones on average, on bad Wi-Fi after 40.

All other numbers, and what of a client's own processing is imitated, are our choice; none of these is the product of
the company named, only its published figures through the open encoders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from inperson.degradation.layouts import LayoutSettings
from inperson.degradation.packet_loss import LossModel
from inperson.degradation.picture import PictureSettings
from inperson.degradation.sound import SoundSettings
from inperson.degradation.timing import TimingSettings
from inperson.degradation.writing import Coding, container_of
from inperson.errors import InputError


@dataclass(frozen=True, slots=True)
class Preset:
    """One way of degrading a recording.

    Attributes
    ----------
    name : str
        As on the command line.
    reads_as : str
        What the result looks like, in a few words: ``"a Zoom call at 720p"``.
    description : str
        One sentence for a user.
    sound, picture, timing, layout, coding
        The settings of each part.
    """

    name: str
    reads_as: str
    description: str
    sound: SoundSettings = field(default_factory=SoundSettings)
    picture: PictureSettings = field(default_factory=PictureSettings)
    timing: TimingSettings = field(default_factory=TimingSettings)
    layout: LayoutSettings = field(default_factory=LayoutSettings)
    coding: Coding = field(default_factory=Coding)

    def suffix(self, has_video: bool) -> str:
        """The suffix of the file it makes of a recording with or without picture: ``".mp4"``, ``".wav"``..."""
        return container_of(self.coding, has_video)[0]


_P360, _P540, _P720 = (640, 360), (960, 540), (1280, 720)

_MOBILE, _WIFI = LossModel(worse=1 / 100, better=1 / 2), LossModel(worse=1 / 40, better=1 / 2)

_CALL = SoundSettings(rate=48000, suppression=12.0, gain=-23.0, codecs=("opus_32k",))

_ALL = (
    Preset(
        "clean",
        "the recording itself",
        "Written again at high quality, nothing else: the reference for all the others.",
        coding=Coding(crf=18, audio_rate=192000),
    ),
    Preset(
        "zoom-720p",
        "a Zoom call at 720p",
        "A good one-to-one call: H.264 at 720p and 1.2 Mbit/s, up to 25 fps; voice with gain control and noise "
        "suppression through Opus at 32 kbit/s, recorded as AAC.",
        _CALL,
        PictureSettings(box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "teams-360p",
        "a Teams call at 360p",
        "A call in a small window: H.264 at 360p and 500 kbit/s, 15 fps; voice with gain control and noise suppression "
        "through Opus at 24 kbit/s, recorded as AAC.",
        SoundSettings(rate=48000, suppression=15.0, gain=-23.0, codecs=("opus_24k",)),
        PictureSettings(box=_P360),
        TimingSettings(fps=15.0),
        coding=Coding(video_rate=500_000, audio_rate=64000),
    ),
    Preset(
        "meet-vp9-540p",
        "a Meet call at 540p",
        "A call in a browser: VP9 at 540p and 800 kbit/s, up to 24 fps; voice with noise suppression through Opus at "
        "32 kbit/s.",
        SoundSettings(rate=48000, suppression=15.0, gain=-23.0, codecs=("opus_32k",)),
        PictureSettings(box=_P540),
        TimingSettings(fps=24.0),
        coding=Coding("webm", "vp9", 800_000, audio="opus", audio_rate=48000),
    ),
    Preset(
        "phone",
        "a telephone call",
        "A telephone or dial-in call: voice of 300 to 3400 Hz through G.711 with 2 % of packets lost; a picture, where "
        "there is one, of 360p at 12 fps and 200 kbit/s.",
        SoundSettings(rate=8000, gain=-20.0, band=(300.0, 3400.0), codecs=("g711u",), loss=_MOBILE),
        PictureSettings(box=_P360),
        TimingSettings(fps=12.0),
        coding=Coding(video_rate=200_000, audio_rate=64000, alone="g711u"),
    ),
    Preset(
        "bluetooth",
        "a call with a Bluetooth headset",
        "The voice through a headset's narrow-band link at 8 kHz, with the headset's own gain control and strong noise "
        "suppression, then Opus at 24 kbit/s; the picture at 720p as it was.",
        SoundSettings(
            rate=8000,
            microphone=4.0,
            suppression=25.0,
            gate=True,
            gain=-20.0,
            band=(150.0, 3600.0),
            codecs=("g726", "opus_24k"),
        ),
        PictureSettings(box=_P720),
        coding=Coding(video_rate=1_500_000, audio_rate=64000),
    ),
    Preset(
        "bluetooth-wide",
        "a call with a wide-band Bluetooth headset",
        "The voice through a headset's wide-band link (mSBC at 16 kHz), with the headset's own gain control and noise "
        "suppression, then Opus at 24 kbit/s; the picture at 720p as it was.",
        SoundSettings(
            rate=16000, microphone=3.0, suppression=20.0, gain=-20.0, band=(80.0, 7200.0), codecs=("msbc", "opus_24k")
        ),
        PictureSettings(box=_P720),
        coding=Coding(video_rate=1_500_000, audio_rate=64000),
    ),
    Preset(
        "poor-network",
        "a call over a poor network",
        "Five per cent of packets lost in bursts, the picture at 240p and 150 kbit/s with uneven frame times of "
        "10 to 12 fps and four freezes a minute of about a second and a half.",
        SoundSettings(rate=16000, suppression=12.0, gain=-23.0, codecs=("opus_16k",), loss=_WIFI),
        PictureSettings(box=(426, 240)),
        TimingSettings(fps=12.0, jitter=0.025, freezes=4.0, freeze_seconds=1.5),
        coding=Coding("webm", "vp8", 150_000, audio="opus", audio_rate=24000),
    ),
    Preset(
        "virtual-background",
        "a call with a virtual background",
        "An image behind head and shoulders with a soft, flickering, slightly wrong edge, at 720p and 1.2 Mbit/s.",
        _CALL,
        PictureSettings(background="image", box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "blurred-background",
        "a call with a blurred background",
        "What is behind the person blurred, with a soft, flickering, slightly wrong edge, at 720p and 1.2 Mbit/s.",
        _CALL,
        PictureSettings(background="blur", box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "beauty",
        "a call with a beauty filter",
        "Skin smoothed as by the client's touch-up filter, at 720p and 1.2 Mbit/s.",
        _CALL,
        PictureSettings(beauty=0.7, box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "low-light",
        "a call in a dim room",
        "An eighth of the light with the sensor's noise, at 720p and 1.2 Mbit/s, up to 20 fps.",
        _CALL,
        PictureSettings(light=0.125, box=_P720),
        TimingSettings(fps=20.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "gallery",
        "a recorded gallery view",
        "One of four tiles of a 720p recording, the others with their cameras off; the participant's own stream at "
        "360p and 500 kbit/s.",
        _CALL,
        PictureSettings(),
        TimingSettings(fps=25.0),
        LayoutSettings("gallery"),
        Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "small-tile",
        "a small tile of a recorded speaker view",
        "A tile of a quarter of the width over somebody else's tile in a 720p recording; the participant's own stream "
        "at 180p and 150 kbit/s.",
        _CALL,
        PictureSettings(),
        TimingSettings(fps=20.0),
        LayoutSettings("speaker", tile=(320, 180), tile_rate=150_000),
        Coding(video_rate=800_000, audio_rate=64000),
    ),
    Preset(
        "upscaled-360p",
        "a 360p call recorded at 720p",
        "A stream of 360p and 500 kbit/s enlarged to 720p and recorded: the size says more than the picture holds.",
        _CALL,
        PictureSettings(),
        TimingSettings(fps=25.0),
        LayoutSettings("upscaled"),
        Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "noisy-room",
        "a call from a noisy room",
        "A room with an RT60 of 0.6 s, the babble of people 10 dB below the voice, a modest microphone, and no noise "
        "suppression; the picture at 720p and 1.2 Mbit/s.",
        SoundSettings(
            rate=48000, room=0.6, direct=2.0, snr=10.0, noise="babble", microphone=4.0, gain=-23.0, codecs=("opus_32k",)
        ),
        PictureSettings(box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "speakerphone",
        "a call by loudspeaker",
        "A microphone across the room, the voice's own echo 25 dB below it, noise suppression that gates the pauses to "
        "zero; the picture at 720p and 1.2 Mbit/s.",
        SoundSettings(
            rate=48000,
            room=0.4,
            direct=-3.0,
            snr=20.0,
            microphone=4.0,
            echo=25.0,
            suppression=18.0,
            gate=True,
            gain=-23.0,
            codecs=("opus_24k",),
        ),
        PictureSettings(box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding(video_rate=1_200_000, audio_rate=64000),
    ),
    Preset(
        "av1",
        "a call with AV1",
        "AV1 at 720p and 700 kbit/s, up to 25 fps, as newer browser clients send it; voice through Opus at 32 kbit/s.",
        _CALL,
        PictureSettings(box=_P720),
        TimingSettings(fps=25.0),
        coding=Coding("mkv", "av1", 700_000, audio="opus", audio_rate=48000),
    ),
    Preset(
        "mild-a",
        "the recording after an upload",
        "What a platform does to an upload: the same size as H.264 at constant quality (CRF 23), sound as AAC at "
        "96 kbit/s.",
        coding=Coding(crf=23, audio_rate=96000),
    ),
    Preset(
        "mild-b",
        "the recording after another upload",
        "What another platform does to an upload: nine tenths of the size as VP8 at 1.5 Mbit/s, sound as Opus at "
        "32 kbit/s.",
        picture=PictureSettings(scale=0.9),
        coding=Coding("webm", "vp8", 1_500_000, audio="opus", audio_rate=32000),
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
"""Every preset by its name."""


def named(name: str) -> Preset:
    """The preset called `name`.

    Raises
    ------
    InputError
        There is none; the message names those there are.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def suffix(preset: str | Preset, has_video: bool) -> str:
    """The suffix that the file made by a preset must have: ``".mp4"``, ``".webm"``, ``".m4a"``, ``".wav"``...

    Parameters
    ----------
    preset : str or Preset
    has_video : bool
        Whether the recording that is degraded has a picture (`MediaInfo.video`).
    """
    return (named(preset) if isinstance(preset, str) else preset).suffix(has_video)
