"""Whether a query is in another language than English, by its script, and by the commonest words.

For captioners and embedders that learned English alone: what they make of a word of another
language is chance. It takes no model: a language is told by its function words, and by names of
what people look for most.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache

# Of each language first its function words, then names of things; no thing's name is English, too.
_LANGUAGES = {
    "Danish": (
        "og er en et af på til med den det der har ikke som jeg han hun vi ved fra eller",
        "hund kat børn kvinde sne skov bjerg hus dreng pige hest",
    ),
    "Dutch": (
        "de het een en van op bij met voor niet zijn aan naar uit ook maar door zonder onder",
        "hond kinderen vrouw sneeuw zee huis jongen meisje fiets paard",
    ),
    "Finnish": (
        "ja on ei se että joka kun mutta myös kuin tai ovat kanssa ilman",
        "koira kissa lapsi lapset nainen ranta lumi vuori talo poika tyttö hevonen",
    ),
    "French": (
        "le la les un une des du et est dans sur avec sans sous pour par qui que ne pas au aux en "
        "sa ses deux près devant",
        "chien enfant enfants homme plage neige montagne voiture maison garçon cheval vélo oiseau "
        "arbre forêt",
    ),
    "German": (
        "der die das und ein eine einen einem einer im mit auf ist nicht von vom zu zum zur für "
        "bei am aus nach über unter vor sich sind dem den des wie zwei",
        "hund katze kinder schnee haus junge mädchen pferd fahrrad wiese wald",
    ),
    "Indonesian": (
        "yang dan di ke dari dengan untuk pada adalah ini itu tidak sebuah seorang oleh",
        "anjing kucing wanita pantai salju gunung mobil rumah kuda burung",
    ),
    "Italian": (
        "il lo la gli un uno una di del della dei delle nel nella con per sul sulla che non è sono "
        "tra due",
        "gatto bambino bambini spiaggia montagna macchina ragazzo ragazza cavallo bicicletta "
        "uccello albero",
    ),
    "Norwegian": (
        "og er en et av på til med den det som har ikke jeg han hun ved fra eller",
        "hund katt kvinne snø skog fjell hus gutt jente hest",
    ),
    "Polish": (
        "i w na z do nie się jest od po przez dla przy pod nad oraz ze",
        "kot dziecko dzieci mężczyzna kobieta plaża śnieg morze samochód chłopiec dziewczyna ptak",
    ),
    "Portuguese": (
        "o os um uma de do da dos das em no na nos nas com para por que não e ao sem sobre",
        "cão cachorro criança crianças homem mulher praia montanha carro menino menina cavalo "
        "bicicleta pássaro árvore",
    ),
    "Spanish": (
        "el la los las un una unos de del al y en con por para que no es sin sobre bajo su dos",
        "perro gato niño niña niños mujer playa nieve montaña coche muchacho muchacha caballo "
        "bicicleta pájaro árbol",
    ),
    "Swedish": (
        "och är en ett två av på till med den det som har inte jag han hon vid från eller under",
        "hund katt kvinna snö snön skog hus pojke flicka häst",
    ),
    "Turkish": (
        "ve bir bu da de ile için çok ne gibi daha olan var üzerinde",
        "köpek kedi çocuk plaj dağ araba erkek bisiklet kuş ağaç",
    ),
}
_WORDS = [tuple(frozenset(words.split()) for words in each) for each in _LANGUAGES.values()]


def is_not_english(
    words: Sequence[str], learned: Collection[str], english: Collection[str]
) -> bool:
    """Whether a query of these words, in small letters, is in another language.

    `learned`: those that the captioner knows, `english`: others that are English. More than half
    of the query must be words in a script that is not Latin, or function words of one other
    language and words that nobody knows; at least two function words, or one and a word that
    nobody knows: "los angeles" is English. Half is enough where one of them is a thing's name.
    """
    spelled = [word for word in dict.fromkeys(words) if any(map(str.isalpha, word))]
    if 2 * sum(map(is_in_other_script, spelled)) > len(spelled):
        return True
    strange = [word for word in spelled if word not in learned]
    for function_words, things in _WORDS:
        grammar, named = function_words.intersection(strange), things.intersection(strange)
        others = {word for word in strange if word not in english} - grammar - named
        share = 2 * len(grammar | named | others) - len(spelled)
        if (named and share >= 0) or (share > 0 and grammar and len(grammar | others) > 1):
            return True
    return False


def is_in_other_script(word: str) -> bool:
    """Whether a word has a letter that is not Latin."""
    return any(map(_is_of_other_script, word))


@lru_cache(4096)
def _is_of_other_script(character: str) -> bool:
    return character.isalpha() and "LATIN" not in unicodedata.name(character, "LATIN")
