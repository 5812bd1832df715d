"""Turns to exchanges: signs, bridging, back-channels, refinement."""

from __future__ import annotations

import pytest

from inperson.exchanges import Exchange, backchannels, delay_bound, exchanges, refined, takeovers
from inperson.types import Span, Turn


def turns(*rows: tuple[str, float, float]) -> list[Turn]:
    return [Turn(Span(start, end), speaker) for speaker, start, end in rows]


def offsets(*rows: tuple[str, float, float]) -> list[float]:
    return [round(exchange.offset, 6) for exchange in exchanges(turns(*rows), "C")]


def test_a_gap_is_positive_and_an_overlap_negative() -> None:
    assert offsets(("A", 0, 3), ("C", 3.5, 8), ("A", 8.2, 11), ("C", 10.7, 15)) == [0.5, -0.3]


def test_only_the_candidate_answers_not_the_interviewer() -> None:
    rows = ("A", 0, 3), ("C", 3.4, 8), ("A", 9.4, 12), ("C", 12.6, 15)
    assert offsets(*rows) == [0.4, 0.6]
    assert [round(e.offset, 6) for e in exchanges(turns(*rows), "A")] == [1.4]


def test_order_of_turns_does_not_matter() -> None:
    rows = turns(("A", 0, 3), ("C", 3.5, 8), ("A", 9, 12), ("C", 13, 15))
    assert exchanges(rows[::-1], "C") == exchanges(rows, "C") != []


@pytest.mark.parametrize(("silence", "start"), [(0.17, 0.0), (0.19, 0.0), (1.9, 0.0), (2.1, 4.1)])
def test_a_question_in_pieces_is_one_question_until_two_seconds_of_silence(silence: float, start: float) -> None:
    (found,) = exchanges(turns(("A", 0, 2), ("A", 2 + silence, 6), ("C", 6.5, 9)), "C")
    assert found.question == Span(start, 6)


def test_a_candidates_pause_under_180_ms_is_bridged_so_a_feedback_token_in_it_is_inside() -> None:
    """The asker's token lies over the candidate's pause: inside one unit it takes no floor, between two it does."""
    bridged = offsets(("A", 0, 3), ("C", 3.5, 8), ("A", 7.9, 8.75), ("C", 8.17, 12))
    apart = offsets(("A", 0, 3), ("C", 3.5, 8), ("A", 7.9, 8.75), ("C", 8.19, 12))
    assert bridged == [0.5]
    assert apart == [0.5, -0.56]


def test_back_channels_of_either_side_make_no_exchange() -> None:
    assert offsets(("A", 0, 3), ("C", 3.5, 8), ("A", 5, 5.4), ("A", 8.3, 8.7), ("C", 9, 15)) == [0.5]
    assert offsets(("A", 0, 6), ("C", 2, 2.4), ("C", 6.5, 9)) == [0.5]


def test_a_short_question_before_a_new_answer_is_left_out_not_taken_as_one() -> None:
    assert offsets(("C", 0, 4), ("A", 8, 8.5), ("C", 9, 12)) == []


def test_interruptions_and_very_late_replies_are_left_out() -> None:
    assert offsets(("A", 0, 6), ("C", 4.5, 9)) == []
    assert offsets(("A", 0, 6), ("C", 17, 19)) == []


def test_a_panel_counts_as_one_asking_party() -> None:
    found = exchanges(turns(("A", 0, 3), ("B", 3.4, 6), ("C", 7, 9)), "C")
    assert found == [Exchange(Span(0, 6), Span(7, 9))]


def test_nothing_in_nothing_out() -> None:
    assert exchanges([], "C") == []
    assert offsets(("C", 0, 3)) == []
    assert offsets(("A", 0, 3)) == []


def test_refined_moves_the_boundaries_to_the_silence() -> None:
    coarse = Exchange(Span(0, 3.2), Span(3.4, 8))
    fine = refined(coarse, [Span(0, 3.0), Span(3.7, 8)])
    assert fine == Exchange(Span(0, 3.0), Span(3.7, 8))
    assert fine.offset == pytest.approx(0.7)


@pytest.mark.parametrize(
    "speech",
    [[], [Span(0, 8)], [Span(0, 2.5), Span(3.5, 8)], [Span(0, 3.1), Span(4.2, 8)]],
    ids=["no speech", "no silence", "question end out of reach", "answer start out of reach"],
)
def test_refined_leaves_alone_what_it_cannot_place(speech: list[Span]) -> None:
    coarse = Exchange(Span(0, 3.2), Span(3.4, 8))
    assert refined(coarse, speech) == coarse


def test_refined_takes_the_nearest_of_two_silences() -> None:
    speech = [Span(0, 2.9), Span(3.05, 3.2), Span(3.5, 8)]
    assert refined(Exchange(Span(0, 3.15), Span(3.4, 8)), speech) == Exchange(Span(0, 3.2), Span(3.5, 8))


# --- kinds of exchanges


def test_replies_are_told_apart_by_how_they_begin() -> None:
    rows = ("A", 0, 3), ("C", 3.5, 8), ("A", 9, 12), ("C", 11.6, 15), ("A", 16, 20), ("C", 18, 24), ("A", 25, 28)
    found = takeovers(turns(*rows, ("C", 39, 41)), "C")
    assert [one.begins for one in found] == ["gap", "overlap", "interruption", "late"]
    assert [one.usable for one in found] == [True, True, False, False]


def test_a_question_put_again_after_silence_is_marked_and_counts_from_the_last_time() -> None:
    (again,) = takeovers(turns(("A", 0, 3), ("A", 5.5, 8), ("C", 9, 12)), "C")
    (once,) = takeovers(turns(("A", 0, 3), ("A", 4.5, 8), ("C", 9, 12)), "C")
    assert (again.asked_again, once.asked_again) == (True, False)
    assert again.exchange.question == Span(5.5, 8)


def test_back_channels_are_what_lies_wholly_inside_the_others_talk() -> None:
    rows = ("A", 0, 6), ("C", 2, 2.4), ("C", 4, 4.3), ("C", 6.5, 9)
    assert backchannels(turns(*rows), "C") == [Span(2, 2.4), Span(4, 4.3)]
    assert backchannels(turns(*rows), "A") == []


def asked(gaps: list[float]) -> list[Turn]:
    """The asking party follows the candidate after `gaps`; the candidate follows after 0.4 s."""
    rows, time = [("C", 0.0, 2.0)], 2.0
    for gap in gaps:
        rows += [("A", time + gap, time + gap + 3), ("C", time + gap + 3.4, time + gap + 6)]
        time += gap + 6
    return turns(*rows)


def test_the_delay_is_bounded_by_the_interviewers_shortest_gaps_and_moves_with_them() -> None:
    gaps = [0.5, 0.1, 0.8, 0.3, 1.2, 0.6]
    assert delay_bound(asked(gaps), "C") == pytest.approx(0.1)
    assert delay_bound(asked([gap + 0.4 for gap in gaps]), "C") == pytest.approx(0.5)


def test_anticipated_ends_bound_no_delay_and_four_gaps_are_too_few() -> None:
    assert delay_bound(asked([0.5, -0.4, 0.8, 0.3, 1.2, 0.6]), "C") == pytest.approx(0.3)
    assert delay_bound(asked([0.5, -0.4, 0.8, 0.3, 1.2]), "C") is None
