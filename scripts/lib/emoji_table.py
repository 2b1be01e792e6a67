# SPDX-License-Identifier: Apache-2.0
"""The emoji, their names, keywords and pictures out of the packages, and who of them is in which split."""

import hashlib
import re
from dataclasses import dataclass, field

from emoji_packages import PACKAGES, DataFault, read_json, read_members

STYLES = {"google": ".png", "twitter": ".png", "fluent": ".webp"}
UNSEEN_SHARE = 0.1
HELD_OUT_SHARE = 0.2


@dataclass
class Emoji:
    id: str           # its code points, "1f3c3-200d-2642-fe0f"
    name: str         # as CLDR writes it
    category: str
    spoken: str       # the name without punctuation that would be spoken or paused at
    texts: list       # lower case; the name first, then other names and keywords
    pictures: dict = field(default_factory=dict)      # style: bytes of the file
    family: str = ""  # the id of the first of those that are kept in one split
    same: list = field(default_factory=list)          # ids of others with the very same picture in some style
    unseen: bool = False
    valid_texts: list = field(default_factory=list)   # of texts: held out for validation
    test_texts: list = field(default_factory=list)    # of texts: held out for the test

    @property
    def train_texts(self):
        return [text for text in self.texts if text not in self.valid_texts and text not in self.test_texts]

    @property
    def character(self):
        return "".join(chr(int(point, 16)) for point in self.id.split("-"))


def draw(*parts):
    """A number of [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def plain(text):
    """Without typographic signs and without punctuation that stands between words."""
    for sign, word in {"\u00a0": " ", "\u2019": "'", "\u2018": "'", "\u2013": "-", "&": " and ", "#": " hash ", "*": " star "}.items():
        text = text.replace(sign, word)
    return " ".join(re.sub(r"[\u201c\u201d\"_:;,()/]", " ", text).split())


def as_query(text):
    """What a person would type for it, or nothing where that cannot be typed or says too little."""
    text = plain(text).lower()
    typed = all(char.isalnum() or char in " -'.!" for char in text) and text[:1].isalnum()
    return text if typed and (len(text) > 1 or text.isdigit()) else ""


def stem(word):
    """Roughly: smile, smiles, smiling and smiled are one word."""
    for ending in ("ing", "ies", "ed", "es", "er", "ly", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            return word[:-1] if word[-1] == word[-2] else word
    return word


def stems(text):
    return {stem(word) for word in re.findall(r"[^\W_]+", text)}


def without_selector(code):
    """Packages disagree on whether the variation selector is part of a name."""
    return "-".join(point for point in code.lower().split("-") if point != "fe0f")


def code_of(character):
    return without_selector("-".join(f"{ord(char):04x}" for char in character))


def read_names(folder):
    """{code without selectors: (CLDR name, CLDR keywords, keywords of emojilib)}"""
    try:
        cldr = dict(read_json(folder, "cldr_derived", "annotationsDerived/en/annotations.json")["annotationsDerived"]["annotations"])
        cldr.update(read_json(folder, "cldr", "annotations/en/annotations.json")["annotations"]["annotations"])
        names = {code_of(character): (entry["tts"][0], entry.get("default", []), []) for character, entry in cldr.items() if entry.get("tts")}
        for character, keywords in read_json(folder, "emojilib", "dist/emoji-en-US.json").items():
            if code_of(character) in names:
                names[code_of(character)][2].extend(keywords)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFault(f"names and keywords: expected other fields than there are ({error!r}): the layout of a package has changed") from error
    return names


def read_list(folder):
    """All emoji without skin tones that have a name, in the order of Unicode."""
    names = read_names(folder)
    table = []
    try:
        for entry in sorted(read_json(folder, "list", "emoji.json"), key=lambda entry: entry["sort_order"]):
            code = without_selector(entry["unified"])
            if entry["category"] == "Component" or code not in names:
                continue
            name, cldr, library = names[code]
            shorts = [short.replace("-", " ") for short in entry["short_names"]]
            texts = filter(None, map(as_query, [name, *shorts, *cldr, *library]))
            table.append(Emoji(id=entry["unified"].lower(), name=name, category=entry["category"], spoken=plain(name), texts=list(dict.fromkeys(texts))))
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFault(f"{PACKAGES['list'].archive}: expected other fields than there are ({error!r}): its layout has changed") from error
    if not table or any(emoji.texts[:1] != [emoji.spoken.lower()] for emoji in table):
        raise DataFault("expected a name that can be typed for each emoji: the layout of a package has changed")
    return table


def add_pictures(folder, table):
    prefixes = {"google": "img/google/64/", "twitter": "img/twitter/64/", "fluent": "assets/"}
    for style, extension in STYLES.items():
        files = read_members(folder, style, lambda name: name.startswith(prefixes[style]) and name.endswith(extension))
        by_code = {without_selector(name.removeprefix(prefixes[style]).removesuffix(extension)): data for name, data in files.items()}
        for emoji in table:
            data = by_code.get(without_selector(emoji.id))
            if data:
                emoji.pictures[style] = data
        share = sum(style in emoji.pictures for emoji in table) / len(table)
        if share < 0.9:
            raise DataFault(f"{PACKAGES[style].archive}: expected pictures of nearly all emoji in {prefixes[style]}, got {share:.0%}: its layout has changed")


def variant_key(code):
    """The same for an emoji and its variants by gender and by direction."""
    points = without_selector(code)
    for suffix in ("-200d-27a1", "-200d-2640", "-200d-2642"):
        points = points.replace(suffix, "")
    people = {"1f468": "1f9d1", "1f469": "1f9d1", "1f466": "1f9d2", "1f467": "1f9d2", "1f474": "1f9d3", "1f475": "1f9d3"}
    return "-".join(people.get(point, point) for point in points.split("-"))


def add_families(table):
    """Puts together what would give an unseen emoji away: variants of one emoji, and emoji drawn alike (flags of territories)."""
    parent = {emoji.id: emoji.id for emoji in table}

    def root(key):
        while parent[key] != key:
            key = parent[key]
        return key

    first, alike = {}, {}
    for emoji in table:
        looks = [(style, hashlib.sha256(data).digest()) for style, data in emoji.pictures.items()]
        for look in looks:
            alike.setdefault(look, []).append(emoji.id)
        for key in [variant_key(emoji.id), *looks]:
            a, b = root(first.setdefault(key, emoji.id)), root(emoji.id)
            parent[max(a, b)] = min(a, b)
    for emoji in table:
        emoji.family = root(emoji.id)
        looks = [(style, hashlib.sha256(data).digest()) for style, data in emoji.pictures.items()]
        emoji.same = sorted({other for look in looks for other in alike[look]} - {emoji.id})


def split(table):
    """A tenth of the families is unseen; of the others' keywords a fifth is held out for the test, and one for validation.
    Held out is only what has a word that no other text of that emoji has: the rest could be put together from training."""
    for emoji in table:
        emoji.unseen = draw("unseen", emoji.family) < UNSEEN_SHARE
        keywords = emoji.texts[1:]
        if emoji.unseen or len(keywords) < 4:
            continue
        own = [text for text in keywords if stems(text) - set().union(*(stems(other) for other in emoji.texts if other != text))]
        own.sort(key=lambda text: draw("keyword", emoji.id, text))
        count = round(HELD_OUT_SHARE * len(keywords))
        emoji.test_texts = own[:count]
        emoji.valid_texts = own[count:count + 1] if len(keywords) >= 8 else []


def read_emoji(folder, quick):
    table = read_list(folder)
    add_pictures(folder, table)
    add_families(table)
    if quick:
        table = [emoji for emoji in table if draw("quick", emoji.family) < 0.1]
        kept = {emoji.id for emoji in table}
        for emoji in table:
            emoji.same = [other for other in emoji.same if other in kept]
    split(table)
    return table
