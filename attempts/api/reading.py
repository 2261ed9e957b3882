"""What every reading view has: JSON out, and no query parameter that is not understood."""

from collections.abc import Collection
from typing import Any, ClassVar

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from access.errors import ApiError
from attempts.api.renderers import MsgspecRenderer


class JsonAlways(BaseContentNegotiation):
    """There is one representation: a client that asks for another still gets this one, not an error."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ReadView(GenericViewSet[Any]):
    """A view that answers GET. A parameter that it does not know is refused: a filter misspelt filters nothing.

    query_parameters names, by action, what it takes beside the filters of filterset_class, which belong to "list".
    """

    renderer_classes = [MsgspecRenderer]
    content_negotiation_class = JsonAlways
    pagination_class = None
    filterset_class: ClassVar[Any] = None
    query_parameters: ClassVar[dict[str, tuple[str, ...]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        filters = self.filterset_class.base_filters if self.filterset_class and self.action == "list" else {}
        known = {*self.query_parameters.get(self.action, ()), *filters}
        repeatable = {name for name, filter_ in filters.items() if getattr(filter_, "repeatable", False)}
        refuse_unknown_parameters(request, known, repeatable)


def refuse_unknown_parameters(request: Request, known: Collection[str], repeatable: Collection[str] = ()) -> None:
    """Raises ApiError 400 for a parameter that is not known, and for one told twice that can have one value only."""
    for name, values in request.query_params.lists():
        if name not in known:
            takes = f"Known here: {', '.join(sorted(known))}." if known else "None is known here."
            raise ApiError(400, f"There is no parameter of this name. {takes}", field=name)
        if len(values) > 1 and name not in repeatable:
            raise ApiError(400, "This parameter is given more than once. Send one value.", field=name)
