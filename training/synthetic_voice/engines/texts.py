"""Sentences to speak: what people say in interviews, combined from templates by a seeded generator.

All text is written for this file. A sentence is drawn by name, so a rerun speaks the same words.
"""

from __future__ import annotations

import re
from hashlib import sha256

import numpy as np

_SLOTS: dict[str, tuple[str, ...]] = {
    "role": (
        "data analyst",
        "nurse",
        "site manager",
        "backend developer",
        "teacher",
        "accountant",
        "sales lead",
        "mechanical engineer",
        "product designer",
        "lab technician",
        "project manager",
        "chef",
        "paralegal",
    ),
    "place": (
        "a small hospital",
        "an airline",
        "a family business",
        "the city council",
        "a software startup",
        "a university lab",
        "a shipping company",
        "a bank in Dublin",
        "a car factory",
        "a charity",
    ),
    "years": ("two years", "nearly five years", "about eighteen months", "eleven years", "three and a half years"),
    "people": ("my manager", "a colleague", "the whole team", "our biggest customer", "two new hires", "the auditors"),
    "thing": (
        "the billing system",
        "our weekly report",
        "the night shift schedule",
        "a fragile database",
        "the warehouse",
        "a budget of forty thousand dollars",
        "the training material",
        "the mobile app",
        "a safety review",
    ),
    "did": (
        "rebuilt",
        "took over",
        "cleaned up",
        "documented",
        "automated",
        "presented",
        "argued for",
        "tested",
        "moved",
    ),
    "result": (
        "we cut the waiting time by thirty percent",
        "nobody had to work weekends any more",
        "the errors disappeared",
        "it paid for itself by June",
        "we still missed the deadline",
        "people actually started using it",
        "the customer signed again",
        "I learned to ask for help much earlier",
    ),
    "skill": ("listening", "planning", "Python", "writing clearly", "negotiation", "statistics", "patience", "welding"),
    "filler": ("Well,", "So,", "Honestly,", "I think", "To be fair,", "Yes, and", "You know,", "Right,", "Okay,"),
    "when": ("last spring", "in my first week", "after the merger", "during the summer", "on a Friday evening"),
    "feel": ("proud of it", "a bit nervous", "relieved", "frustrated at first", "curious", "responsible for it"),
}
_ENGLISH = (
    "{filler} I worked as a {role} for {place} for {years}.",
    "{filler} when I joined {place}, I {did} {thing}, and {result}.",
    "My strongest skill is probably {skill}, although {people} would say it is {skill}.",
    "The hardest part was telling {people} that {thing} had to wait until {when}.",
    "Could you tell me more about how {people} and the {role} share {thing}?",
    "{when}, {people} asked me to look after {thing}. I was {feel}.",
    "I would start by talking to {people}, because {thing} affects everyone.",
    "No, not really. I have used {thing} before, but {skill} was new to me.",
    "In the end {result}, which I am still {feel} about, if that makes sense.",
    "What does a normal day look like for a {role} here? Is {thing} part of it?",
    "{filler} we {did} {thing} twice, once {when} and once a year later.",
    "If I disagree with {people}, I say so early, and I bring numbers. Usually {result}.",
    "I left {place} after {years}, mostly because I wanted to grow as a {role}.",
    "Sure! I can start on the {day} of {month}, at {hour} in the morning.",
    "It was {year}, I had just {did} {thing}, and suddenly {result}.",
    "Between you and me, {thing} never worked the way {people} described it.",
    "{filler} there are three things I care about: {skill}, {skill}, and being on time.",
    "Sorry, could you repeat the question? The line dropped when you mentioned {thing}.",
    "My salary expectation is around {money} thousand, but {skill} matters more to me.",
    "Give me an example of a time when {people} changed your mind about {thing}.",
)
_SHORT = (
    "Yes, exactly.",
    "No, I would not say so.",
    "That is a good question.",
    "Let me think about that for a second.",
    "Thank you for having me.",
    "Can you hear me all right?",
    "I am not sure, to be honest.",
    "Of course, go ahead.",
)
_SLOTS |= {
    "day": ("second", "fifth", "eleventh", "twenty-third", "thirtieth"),
    "month": ("January", "March", "June", "August", "November"),
    "hour": ("eight", "half past nine", "quarter to ten"),
    "year": ("two thousand nineteen", "twenty twenty-one", "two thousand eight"),
    "money": ("forty-two", "sixty", "seventy-five", "ninety"),
}
_OTHER: dict[str, tuple[tuple[str, ...], ...]] = {
    "es": (
        ("Trabajé tres años en un hospital", "El año pasado dirigí un equipo pequeño", "Estudié química en Sevilla"),
        ("y aprendí a escuchar a los clientes.", "pero quería cambiar de ciudad.", "y el proyecto terminó a tiempo."),
    ),
    "fr": (
        (
            "J'ai travaillé quatre ans dans une banque",
            "Je dirigeais une petite équipe",
            "J'étudiais la physique à Lyon",
        ),
        ("et j'ai beaucoup appris avec mes collègues.", "mais je voulais changer de métier.", "avant de venir ici."),
    ),
    "it": (
        ("Ho lavorato due anni in una fabbrica", "Guidavo una squadra di sei persone", "Ho studiato a Torino"),
        ("e il progetto è finito in tempo.", "ma volevo imparare qualcosa di nuovo.", "prima di trasferirmi qui."),
    ),
    "pt": (
        ("Trabalhei cinco anos numa escola", "Eu cuidava de uma equipe pequena", "Estudei engenharia no Porto"),
        ("e aprendi a organizar melhor o tempo.", "mas queria um novo desafio.", "e os clientes ficaram contentes."),
    ),
    "hi": (
        ("मैंने तीन साल एक बैंक में काम किया", "पिछले साल मैं एक छोटी टीम चलाता था", "मैंने दिल्ली में पढ़ाई की"),
        ("और मैंने बहुत कुछ सीखा।", "लेकिन मुझे नया काम चाहिए था।", "और काम समय पर पूरा हुआ।"),
    ),
    "ja": (
        ("私は三年間、病院で働いていました。", "去年は小さなチームを担当しました。", "大学では化学を勉強しました。"),
        (
            "お客様の話をよく聞くことを学びました。",
            "新しい仕事に挑戦したいと思っています。",
            "締め切りには間に合いました。",
        ),
    ),
    "id": (
        ("Saya bekerja tiga tahun di rumah sakit", "Tahun lalu saya memimpin tim kecil", "Saya kuliah di Bandung"),
        ("dan saya belajar banyak dari rekan kerja.", "tetapi saya ingin pindah kota.", "dan proyek itu selesai."),
    ),
    "vi": (
        ("Tôi đã làm việc ba năm ở bệnh viện", "Năm ngoái tôi quản lý một nhóm nhỏ", "Tôi học hóa ở Hà Nội"),
        ("và học được nhiều từ đồng nghiệp.", "nhưng tôi muốn đổi công việc.", "và dự án xong đúng hạn."),
    ),
    "ne": (
        ("मैले तीन वर्ष अस्पतालमा काम गरें", "गत वर्ष मैले सानो टोली चलाएँ", "मैले काठमाडौंमा पढें"),
        ("र धेरै कुरा सिकें।", "तर मलाई नयाँ काम चाहिएको थियो।", "र काम समयमा सकियो।"),
    ),
    "zh": (
        ("我在医院工作了三年，", "去年我带领一个小团队，", "我在上海学习化学，"),
        ("从同事那里学到了很多东西。", "可是我想换一个新的城市。", "项目也按时完成了。"),
    ),
    "de": (
        ("Ich habe drei Jahre in einer Klinik gearbeitet", "Letztes Jahr leitete ich ein kleines Team"),
        ("und viel von den Kollegen gelernt.", "aber ich wollte etwas Neues anfangen."),
    ),
    "ca": (
        ("Vaig treballar tres anys en un hospital", "L'any passat dirigia un equip petit"),
        ("i vaig aprendre a escoltar els clients.", "però volia canviar de feina."),
    ),
    "ru": (
        ("Я работал три года в больнице", "В прошлом году я руководил небольшой командой"),
        ("и многому научился у коллег.", "но хотел сменить город."),
    ),
    "cs": (
        ("Tři roky jsem pracoval v nemocnici", "Loni jsem vedl malý tým"),
        ("a hodně jsem se naučil od kolegů.", "ale chtěl jsem změnit město."),
    ),
    "fi": (
        ("Työskentelin kolme vuotta sairaalassa", "Viime vuonna johdin pientä ryhmää"),
        ("ja opin paljon työtovereilta.", "mutta halusin vaihtaa kaupunkia."),
    ),
}
LANGUAGES = ("en", *_OTHER)


def generator(name: str) -> np.random.Generator:
    """The generator of everything drawn under one name, the same on every run."""
    return np.random.default_rng(int.from_bytes(sha256(name.encode()).digest()[:8], "big"))


def sentence(name: str, language: str = "en") -> str:
    """One utterance in `language` (one of `LANGUAGES`), drawn by `name`: about 3 to 7 s when spoken."""
    draw = generator(f"text {name}")
    if language != "en":
        return " ".join(str(draw.choice(part)) for part in _OTHER[language])
    pattern = str(draw.choice(_ENGLISH))
    text = re.sub(r"\{(\w+)\}", lambda slot: str(draw.choice(_SLOTS[slot[1]])), pattern)
    text = text[0].upper() + text[1:]
    if len(text) < 50 or draw.random() < 0.15:
        text = f"{draw.choice(_SHORT)} {text}"
    return text
