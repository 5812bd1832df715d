"""Every setting of the service, with its default: read from a TOML file, checked once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from inperson._batch.storage import require
from inperson.errors import InputError
from inperson.service.addresses import Place, parse_place

MIB = 1 << 20
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
AllowedPlace = Annotated[Place, BeforeValidator(lambda text: parse_place(text) if isinstance(text, str) else text)]


class Settings(BaseModel):
    """See the table in ``docs/service.md``. Numbers without a source are own choices for interviews of an hour."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path = Path("inperson-data")
    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    workers: int | None = Field(default=None, ge=1, le=1024)
    timeout: float = Field(default=7200.0, gt=0, description="wall seconds for one recording")
    memory: int = Field(default=2048, ge=64, description="MiB of one worker")
    attempts: int = Field(default=3, ge=1, description="starts of one job, when the service itself is killed meanwhile")

    upload_mib: int = Field(default=4096, ge=1)
    idle_seconds: float = Field(default=20.0, gt=0, description="longest silence of a client within a request")
    least_rate: int = Field(default=8192, ge=0, description="bytes a second that an upload must keep up on average")
    reserve_mib: int = Field(default=1024, ge=0, description="disk space that is left free")
    max_uploads: int = Field(default=64, ge=1, description="uploads at once")
    max_queued: int = Field(default=10_000, ge=1)
    rate_per_minute: int = Field(default=600, ge=1, description="requests of one key, unless the key has its own")

    sources: tuple[AllowedPlace, ...] = ()
    webhooks: tuple[AllowedPlace, ...] = ()
    webhook_secret_file: Path | None = None
    webhook_retry_seconds: float = Field(default=10.0, gt=0)
    private_addresses: bool = False

    calibrations: dict[Word, Path] = {}
    asr: str | None = Field(default=None, min_length=1, description="Whisper weights: a folder or an installed package")
    asr_language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    require_consent: bool = False
    recording_days: float = Field(default=0.0, ge=0, description="after the analysis ended; 0: at once")
    result_days: float = Field(default=30.0, gt=0)

    analyse: str = Field(
        default="inperson.service.work:analyse", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="for tests"
    )

    @classmethod
    def read(cls, path: str | Path | None = None, **given: Any) -> Self:
        """Settings from a TOML file (paths in it are relative to it), with `given` values that are not None on top.

        Raises
        ------
        InputError
            The file cannot be read, or a setting is not as expected; the text names it.
        """
        found: dict[str, Any] = {}
        if path is not None:
            try:
                found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            except OSError as error:
                raise InputError(f"cannot read the settings {path}: {error.strerror}") from None
            except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise InputError(f"the settings {path} are no TOML: {error}") from None
            found = _from(found, Path(path).parent)
        try:
            return cls(**(found | {name: value for name, value in given.items() if value is not None}))
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise InputError(f"{path or 'the settings'}: {name}: {first['msg']}") from None

    @field_validator("webhooks")
    @classmethod
    def _web(cls, places: tuple[Place, ...]) -> tuple[Place, ...]:
        for place in places:
            if place.scheme not in ("https", "http"):
                raise ValueError(f"a webhook is called over https, found {place.scheme}://")
        return places

    @field_validator("sources")
    @classmethod
    def _readable(cls, places: tuple[Place, ...]) -> tuple[Place, ...]:
        try:
            require({place.scheme for place in places} - {"https", "http"})
        except InputError as error:
            raise ValueError(str(error)) from None
        return places

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key need each other")
        if self.webhooks and self.webhook_secret_file is None:
            raise ValueError("webhooks need webhook_secret_file: without a signature nobody could trust a call")
        if self.asr_language is not None and self.asr is None:
            raise ValueError("asr_language says what asr is to recognise, and there is no asr")
        return self

    @property
    def recordings(self) -> Path:
        """Where recordings of jobs lie, a folder each."""
        return self.data / "jobs"

    @property
    def incoming(self) -> Path:
        """Where uploads lie until they are whole."""
        return self.data / "incoming"


def _from(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Resolve the paths of a settings file against its folder."""
    for name in ("data", "tls_certificate", "tls_key", "webhook_secret_file"):
        if isinstance(found.get(name), str):
            found[name] = folder / found[name]
    if isinstance(found.get("asr"), str) and (folder / found["asr"]).is_dir():  # a package's name stays one
        found["asr"] = str(folder / found["asr"])
    table = found.get("calibrations")
    if isinstance(table, dict):
        found["calibrations"] = {
            key: folder / value if isinstance(value, str) else value for key, value in table.items()
        }
    return found
