"""A photo's page: the photo, its captions and file, similar photos, and questions about it.

The address holds the questions: `sentence` is scored, `sentences` are ranked, and `missed` is a
sentence that should have found the photo; all other parameters are those of the search by which
it was found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from captioner.captioner import PhotoState
from captioner.tags import Tag
from catalog.favourites import is_favourite
from catalog.gazetteer import Place, place_of
from catalog.paths import show_path
from catalog.photos import ids_with_contents
from catalog.views import PhotoView
from search.diagnosis import Missing, missing, photo_beside, probability
from search.engine import SearchEngine, UnknownPhoto
from search.explain import explain
from search.guess import Guess
from search.image_to_text import captions_near, check_sentences, rank_sentences
from search.request import InvalidQuery, check_text
from web.context import current_config, current_engine
from web.exposure import exposure_of
from web.images import browser_shows, is_reachable, version_of
from web.pages.cards import file_name, make_similar_cards, shape_class
from web.pages.sentence_scores import (
    ScoredSentence,
    TintedSentence,
    scored_sentence,
    tinted_sentence,
)
from web.parameters import PHOTO_ID, read_search

SIMILAR = 12
RANKED_CAPTIONS = 12
_PHOTO_FIELDS = frozenset({"sentence", "sentences", "missed", "step"})

blueprint = Blueprint("photo", __name__)
_T = TypeVar("_T")


@dataclass
class Answers:
    """Answers to the questions about a photo; `problems`: question -> why it has no answer."""

    why: ScoredSentence | None = None
    scored: ScoredSentence | None = None
    ranked: list[TintedSentence] | None = None
    missed: Missing | None = None
    problems: dict[str, str] = field(default_factory=dict)

    def attempt(self, question: str, answer: Callable[[], _T]) -> _T | None:
        """The answer, or None and a problem where the question's text is refused."""
        try:
            return answer()
        except InvalidQuery as error:
            self.problems[question] = str(error)
            return None


@dataclass(frozen=True)
class PhotoFacts:
    """A photo with what its page shows of it; `full`: see full_view.

    `place`: the nearest town. `by_camera` to `by_place` are addresses of searches; None where it is
    not known. `by_keyword`, `by_person` and `by_tag`: each name with the address of a
    search. `copies`: the other photos with the same bytes, as (id, path).
    """

    view: PhotoView
    title: str
    guess: Guess
    path: str
    folder: str
    shape: str
    version: str
    full: str
    place: Place | None
    by_camera: str | None
    by_lens: str | None
    by_day: str | None
    by_folder: str | None
    by_place: str | None
    by_keyword: tuple[tuple[str, str], ...]
    by_person: tuple[tuple[str, str], ...]
    by_tag: tuple[tuple[str, str], ...] = ()
    exposure: str | None = None
    copies: tuple[tuple[int, str], ...] = ()
    favourite: bool = False


@blueprint.get(f"/photos/{PHOTO_ID}")
def show(photo_id: int) -> ResponseReturnValue:
    """One photo with its captions, its file, photos like it, and answers about it."""
    engine = current_engine()
    view = engine.photo(photo_id)
    state = _state(engine, photo_id)
    answers = _answer_all(engine, view, state) if state else Answers()
    query = request.args.get("q", "")
    page = render_template(
        "photo.html",
        facts=_all_facts(engine, view, query),
        photo=view,
        query=query,
        questions=request.args,
        answers=answers,
        asked=bool(_PHOTO_FIELDS & set(request.args)),
        seen=state is not None,
        model=engine.captioner.name,
        similar=make_similar_cards(engine, engine.similar_to(photo_id, SIMILAR)),
        carried=_search_fields(),
        search=urlencode(_search_fields()),
        page_size=current_config().page_size,
    )
    return page, 400 if answers.problems else 200


@blueprint.get(f"/photos/{PHOTO_ID}/beside")
def neighbour(photo_id: int) -> ResponseReturnValue:
    """The next photo (`step=1`) or the one before (`step=-1`) of the search it was found by.

    A route of its own, so that only who goes on waits for the search. Past an end: the results.
    """
    wanted = read_search(request, current_config().page_size)
    step = -1 if request.args.get("step") == "-1" else 1
    beside = photo_beside(current_engine(), wanted, photo_id, step)
    if beside is None:
        return redirect(f"{url_for('search.show')}?{urlencode(_search_fields())}")
    found, place = beside
    carried = [(name, text) for name, text in _search_fields() if name != "offset"]
    if place >= wanted.k:
        carried.append(("offset", str(place - place % wanted.k)))
    return redirect(f"{url_for('.show', photo_id=found)}?{urlencode(carried)}")


def _all_facts(engine: SearchEngine, view: PhotoView, query: str) -> PhotoFacts:
    """What the page shows, with what other tables and the file itself say."""
    facts = photo_facts(
        view, engine.guesses([view])[view.photo_id], query, engine.tags(view.photo_id)
    )
    with engine.database.read() as session:
        same = ids_with_contents(session, [view.content_hash]).get(view.content_hash, [])
        favourite = is_favourite(session, view.content_hash)
    others = engine.photos([each for each in same if each != view.photo_id])
    copies = tuple((key, _path(other)) for key, other in others.items())
    return replace(facts, exposure=exposure_of(view), copies=copies, favourite=favourite)


def photo_facts(view: PhotoView, guess: Guess, query: str, tags: Sequence[Tag] = ()) -> PhotoFacts:
    """A photo with its links, which search for `query`, or for its caption where that is empty."""
    title = file_name(view)
    sought = query or (view.captions[0][0] if view.captions else title)
    place = place_of(view.latitude, view.longitude)
    return PhotoFacts(
        view=view,
        title=title,
        guess=guess,
        path=_path(view),
        folder=show_path(os.fsencode(view.full_path.parent)),
        shape=shape_class(view.width, view.height),
        version=version_of(view),
        full=full_view(view),
        place=place,
        by_camera=_search(sought, camera=view.camera) if view.camera else None,
        by_lens=_search(sought, lens=view.lens) if view.lens else None,
        by_day=_by_day(view, sought),
        by_folder=_by_folder(view, sought),
        by_place=_search(sought, place=place.name) if place else None,
        by_keyword=tuple((name, _search(sought, keyword=name)) for name in view.keywords),
        by_person=tuple((name, _search(name)) for name in view.people),
        by_tag=tuple((tag.name, _search(sought, tag=tag.name)) for tag in tags),
    )


def full_view(view: PhotoView) -> str:
    """Which picture the page shows: "original", or why the thumbnail: "offline", "undrawable"."""
    if not is_reachable(view):
        return "offline"
    return "original" if browser_shows(view) else "undrawable"


def _state(engine: SearchEngine, photo_id: int) -> PhotoState | None:
    """The captioner's state of the photo; None where another captioner indexed it."""
    try:
        return engine.state(photo_id)
    except UnknownPhoto:
        return None


def _search_fields() -> list[tuple[str, str]]:
    """The parameters of the search that the photo was found by."""
    return [pair for pair in request.args.items(multi=True) if pair[0] not in _PHOTO_FIELDS]


def _answer_all(engine: SearchEngine, view: PhotoView, state: PhotoState) -> Answers:
    """All answers; what is wrong with the query `q` itself the search page says."""
    answers, asked = Answers(), request.args
    if "q" in asked:
        answers.why = Answers().attempt("q", lambda: _score(engine, asked["q"], view, state))
    if "sentence" in asked:
        answers.scored = answers.attempt(
            "sentence", lambda: _score(engine, asked["sentence"], view, state)
        )
    if "sentences" in asked:
        answers.ranked = answers.attempt(
            "sentences", lambda: _rank(engine, asked["sentences"], state)
        )
    if "missed" in asked:
        answers.missed = answers.attempt("missed", lambda: _diagnose(engine, asked["missed"], view))
    return answers


def _score(engine: SearchEngine, text: str, view: PhotoView, state: PhotoState) -> ScoredSentence:
    sentence = check_text("sentence", text, "the sentence")
    explanation = explain(engine.captioner, engine.embedder, sentence, state)
    return scored_sentence(explanation, probability(engine, sentence, view.photo_id))


def _rank(engine: SearchEngine, text: str, state: PhotoState) -> list[TintedSentence]:
    """Sentences, one a line; without any, the best captions of the photos nearest to this one."""
    sentences = [line.strip() for line in text.splitlines() if line.strip()]
    check_sentences(sentences)
    ranked = rank_sentences(
        engine.captioner, engine.embedder, sentences or captions_near(engine, state), state
    )
    return [tinted_sentence(each) for each in ranked[: None if sentences else RANKED_CAPTIONS]]


def _diagnose(engine: SearchEngine, text: str, view: PhotoView) -> Missing:
    return missing(engine, check_text("missed", text, "the sentence"), view)


def _path(view: PhotoView) -> str:
    return show_path(os.fsencode(view.full_path))


def _search(query: str, **filters: str) -> str:
    return f"{url_for('search.show')}?{urlencode({'q': query, **filters})}"


def _by_day(view: PhotoView, query: str) -> str | None:
    """Photos of the same day; none for the last day there is, which has no day after."""
    if view.taken_at is None:
        return None
    day = view.taken_at.date()
    try:
        return _search(query, after=str(day), before=str(day + timedelta(days=1)))
    except OverflowError:
        return None


def _by_folder(view: PhotoView, query: str) -> str | None:
    """Photos of the same folder; none where its name is no text, which no address can carry."""
    try:
        return _search(query, folder=os.fsencode(view.full_path.parent).decode("utf-8"))
    except UnicodeDecodeError:
        return None
