"""How answers sound: where they begin to be fluent, and how they are delivered.

Of the recording's sound only summaries are kept, every 16 ms (`sound`, about 1.4 kB a second); everything else is a
function of them: `units` (pauses, syllables), `held` (filled pauses), `onset` (first sound, fluent part), `delivery`
(pauses, rate, pitch of a stretch), `said` (what the words add) and `told` (all of it for a reviewer). None of it moves
a score.
"""
