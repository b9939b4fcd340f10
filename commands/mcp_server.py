"""The MCP server of a home: searches, photos, similar photos and explanations as tools.

Model Context Protocol, https://modelcontextprotocol.io, by its official SDK. The tools only read,
and ask the engine that the JSON API asks; it is loaded by the first tool that needs it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import (
    CallToolResult,
    ContentBlock,
    ImageContent,
    InputRequiredResult,
    TextContent,
    ToolAnnotations,
)
from pydantic import BaseModel, Field, ValidationError

from commands.common.errors import Failed, is_known, sentence
from commands.mcp_answers import (
    Details,
    Explained,
    Found,
    SimilarPhotos,
    details,
    explained,
    found_photos,
    similar_found,
)
from search.limits import MAX_CANDIDATES, MAX_EXCLUDED, MAX_QUERY_LENGTH

if TYPE_CHECKING:
    from catalog.views import PhotoView
    from search.engine import SearchEngine
    from search.request import SearchRequest

P = ParamSpec("P")

# A picture takes far more room in a conversation than all that is said about it.
MOST_PHOTOS = 50

_ABOUT = """\
Searches the photos on this machine that tellshow has indexed. Nothing is changed by any tool.

Ask for what a photo shows, in a short English sentence ("a dog runs through the snow"); names of
people and places are found where they stand in file names, folders, or what people wrote.
"probability" says how probable it is that a photo fits the sentence. A photo marked "weak" is too
improbable to convince: say so, or leave it out. Where "nothing_fits" is true, the collection
probably holds no such photo. Captions and tags are guesses of a small model; look at the thumbnail
before relying on them."""

_SEARCH = """\
Photos that fit a sentence, best first. Each comes with its probability of fitting, 0 to 1, and is
marked weak where that is too low to convince; judge by these, since the best photos of a collection
are listed even where none of them fits."""
_PHOTO = """\
What is known about one photo: file, size, date, camera, place, what people wrote about it, and what
the model guesses; with its thumbnail, a JPEG of at most 512 pixels, unless that is turned off."""
_SIMILAR = "Photos that look most like one that is indexed, best first."
_EXPLAIN = """\
Why a sentence does or does not fit a photo: what each of its words gains, where in the photo it is
seen, and which word fits least."""

Sentence = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_QUERY_LENGTH,
        description="What the photo shows, in English; a word may carry a weight, as in red^3",
    ),
]
PhotoId = Annotated[int, Field(ge=0, description="A photo's number, from an answer of search")]
Count = Annotated[int, Field(ge=1, le=MOST_PHOTOS, description="How many photos")]
Offset = Annotated[
    int, Field(ge=0, le=MAX_CANDIDATES, description="How many of the best to leave out")
]
Thumbnails = Annotated[bool, Field(description="Whether to show each photo's thumbnail, too")]


def new_server(version: str, engine: Callable[[], SearchEngine]) -> MCPServer[Any]:
    """A server over what `engine` gives, which is called by each tool, in threads."""
    server = _Server(
        "tellshow",
        title="Photos on this machine",
        version=version,
        instructions=_ABOUT,
        log_level="WARNING",
    )
    for name, description, tool in (
        ("search", _SEARCH, _search_tool(engine)),
        ("photo", _PHOTO, _photo_tool(engine)),
        ("similar", _SIMILAR, _similar_tool(engine)),
        ("explain", _EXPLAIN, _explain_tool(engine)),
    ):
        reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        server.add_tool(tool, name=name, description=description, annotations=reads)
    return server


class _Server(MCPServer[Any]):
    """Answers arguments that no tool takes with a sentence that names them."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; raises ToolError for one that failed by a fault of its own."""
        tools = {tool.name: tool for tool in await self.list_tools()}
        taken = tools[name].input_schema["properties"] if name in tools else arguments
        if unknown := sorted(set(arguments) - set(taken)):
            known = ", ".join(taken)
            return _refusal(f"{name} takes no argument {unknown[0]!r}; it takes {known}")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                return _refusal(_wrong_argument(name, error.__cause__))
            raise


def _wrong_argument(tool: str, error: ValidationError) -> str:
    """The first thing that is wrong with the arguments of a tool, as a sentence."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"the argument {where!r} of {tool} is wrong: {first['msg']}"


def _worded(tool: Callable[P, CallToolResult]) -> Callable[P, CallToolResult]:
    """The tool, but with an error that people can mend as an answer that says so."""

    @wraps(tool)
    def answer(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        from search.engine import UnknownPhoto

        try:
            return tool(*args, **kwargs)
        except UnknownPhoto as error:
            return _refusal(f"{error}; search tells the numbers of photos")
        except Failed as error:
            return _refusal(error.message)
        except Exception as error:
            if not is_known(error):
                raise
            return _refusal(sentence(error))

    return answer


def _refusal(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)


def _result(answer: BaseModel, images: Sequence[ContentBlock] = ()) -> CallToolResult:
    """An answer as data and, for assistants that read text alone, as JSON; then pictures."""
    text = TextContent(type="text", text=answer.model_dump_json())
    return CallToolResult(
        content=[text, *images], structured_content=answer.model_dump(mode="json")
    )


def _pictures(engine: SearchEngine, views: Sequence[PhotoView]) -> Iterator[ContentBlock]:
    """The thumbnails of photos, each below its photo's number; a missing one is told."""
    for view in views:
        jpeg = engine.thumbnails.read(view.content_hash)
        if jpeg is None:
            lost = f"The thumbnail of photo {view.photo_id} is missing; index its folder again."
            yield TextContent(type="text", text=lost)
            continue
        yield TextContent(type="text", text=f"Photo {view.photo_id}:")
        data = base64.b64encode(jpeg).decode()
        yield ImageContent(type="image", data=data, mime_type="image/jpeg")


def _search_tool(engine: Callable[[], SearchEngine]) -> Callable[..., CallToolResult]:
    @_worded
    def search(
        query: Sentence,
        k: Count = 10,
        offset: Offset = 0,
        exclude: Annotated[
            tuple[str, ...],
            Field(max_length=MAX_EXCLUDED, description="Texts that photos shall not show"),
        ] = (),
        rather_than: Annotated[
            str, Field(description="A text that photos shall show less than the query")
        ] = "",
        after: Annotated[
            str | None, Field(description="Only photos taken at this date or later (ISO 8601)")
        ] = None,
        before: Annotated[
            str | None, Field(description="Only photos taken before this date (ISO 8601)")
        ] = None,
        folder: Annotated[
            str | None, Field(description="Only photos in this folder, at any depth; a full path")
        ] = None,
        camera: Annotated[
            str | None, Field(description="Only photos of cameras with this in their name")
        ] = None,
        lens: Annotated[
            str | None, Field(description="Only photos of lenses with this in their name")
        ] = None,
        place: Annotated[
            str | None,
            Field(description="Only photos taken near this town, or in this region or country"),
        ] = None,
        orientation: Literal["landscape", "portrait", "square"] | None = None,
        tag: Annotated[
            str | None, Field(description="Only photos in which the model sees such a class")
        ] = None,
        keyword: Annotated[
            str | None, Field(description="Only photos to which people gave such a keyword")
        ] = None,
        rating: Annotated[
            int | None,
            Field(ge=-1, le=5, description="At least so many stars; 0: not rejected; -1: rejected"),
        ] = None,
        thumbnails: Thumbnails = False,
    ) -> Annotated[CallToolResult, Found]:
        from search.filters import read_filter
        from search.request import SearchRequest

        filters = read_filter(
            after=after,
            before=before,
            folder=folder,
            camera=camera,
            lens=lens,
            place=place,
            orientation=orientation,
            tag=tag,
            keyword=keyword,
            rating=None if rating is None else str(rating),
        )
        asked = SearchRequest(
            query,
            k=k,
            offset=offset,
            excluded=exclude,
            rather_than=rather_than,
            filters=filters,
        )
        return _search(engine(), asked, thumbnails)

    return search


def _search(engine: SearchEngine, asked: SearchRequest, thumbnails: bool) -> CallToolResult:
    answer = engine.search(asked)
    views = engine.photos([each.photo_id for each in answer.results])
    shown = [views[each.photo_id] for each in answer.results if each.photo_id in views]
    note = "" if answer.results else _why_nothing(engine, asked)
    found = found_photos(answer, engine.guesses(shown), note)
    return _result(found, list(_pictures(engine, shown)) if thumbnails else [])


def _why_nothing(engine: SearchEngine, asked: SearchRequest) -> str:
    """Why a search found no photo at all, and what can be done about it."""
    if not engine.status().photos:
        return "Nothing is indexed yet; start with: tellshow index FOLDER"
    if asked.offset:
        return "There are no further photos."
    return "No photo passes the filters."


def _photo_tool(engine: Callable[[], SearchEngine]) -> Callable[..., CallToolResult]:
    @_worded
    def photo(
        photo_id: PhotoId, thumbnail: Thumbnails = True
    ) -> Annotated[CallToolResult, Details]:
        from search.calibration import caption_probability

        asked = engine()
        view = asked.photo(photo_id)
        fit = asked.captioner.provenance.ranking.caption_fit
        known = details(view, asked.tags(photo_id), caption_probability(fit, view.captions))
        return _result(known, list(_pictures(asked, [view])) if thumbnail else [])

    return photo


def _similar_tool(engine: Callable[[], SearchEngine]) -> Callable[..., CallToolResult]:
    @_worded
    def similar(
        photo_id: PhotoId, k: Count = 10, offset: Offset = 0, thumbnails: Thumbnails = False
    ) -> Annotated[CallToolResult, SimilarPhotos]:
        asked = engine()
        found = asked.similar_to(photo_id, k, offset)
        views = asked.photos([each.photo_id for each in found])
        shown = [views[each.photo_id] for each in found if each.photo_id in views]
        answer = similar_found(found, asked.guesses(shown))
        return _result(answer, list(_pictures(asked, shown)) if thumbnails else [])

    return similar


def _explain_tool(engine: Callable[[], SearchEngine]) -> Callable[..., CallToolResult]:
    @_worded
    def explain(photo_id: PhotoId, query: Sentence) -> Annotated[CallToolResult, Explained]:
        from search.explain import explain as explain_query

        asked = engine()
        state = asked.state(photo_id)
        found = explain_query(asked.captioner, asked.embedder, query, state)
        return _result(explained(photo_id, found))

    return explain
