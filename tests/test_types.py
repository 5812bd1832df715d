import pytest

from inperson.candidate import Candidate
from inperson.types import Session, Span, Turn, merged


def test_span_operators() -> None:
    assert Span(5, 15) & Span(3, 12) == Span(5, 12)
    assert Span(0, 1) & Span(1, 2) is None
    assert Span(0, 1) | Span(4, 5) == Span(0, 5)
    assert 1.0 in Span(1, 2)
    assert 2.0 not in Span(1, 2)
    assert Span(1.5, 4).duration == 2.5


def test_a_span_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="end >= start"):
        Span(2, 1)


def test_merged_joins_across_the_gap_only() -> None:
    spans = [Span(3, 4), Span(0, 1), Span(1.2, 2)]
    assert merged(spans) == [Span(0, 1), Span(1.2, 2), Span(3, 4)]
    assert merged(spans, gap=0.2) == [Span(0, 2), Span(3, 4)]
    assert merged([]) == []


def session(*turns: Turn) -> Session:
    media = None
    return Session(media, 20.0, tuple(sorted(turns)), "supplied", (), Candidate(None, "B", ""), "none")  # type: ignore[arg-type]


def test_spoken_by_cuts_out_overlaps() -> None:
    call = session(Turn(Span(0, 4), "A"), Turn(Span(3, 10), "B"), Turn(Span(6, 7), "A"))
    assert call.spoken_by("B") == [Span(4, 6), Span(7, 10)]
    assert call.spoken_by("B", alone=False) == [Span(3, 10)]
    assert call.spoken_by("A") == [Span(0, 3)]
    assert call.spoken_by(None) == []
    assert call.spoken_by("C") == []
