"""Documents: our own class, and what the rerankers accept in its place."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InputTypeError


@dataclass
class Document:
    """A text with metadata. LangChain's `Document`, dicts with these keys (or `text` for
    `page_content`) and plain strings are accepted wherever this is.

    Attributes:
        page_content: the text.
        metadata: any JSON-like dict; other values count as their `str()`.
        id: returned with results, never scored.
    """

    page_content: str
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str | None = None


def content_of(document: Any) -> str:
    """The text of a document. Raises InputTypeError for what is none."""
    if isinstance(document, str):
        return document
    if isinstance(document, Mapping):
        for key in ("page_content", "text"):
            if key in document:
                return document[key]  # type: ignore[no-any-return]  # the compiled part checks
        raise InputTypeError('a document is a dict without "page_content" and without "text"')
    try:
        return document.page_content  # type: ignore[no-any-return]
    except AttributeError as error:  # its own, or one from within its page_content
        raise InputTypeError(
            f"a document is of type {type(document).__name__}; it must be a str, a dict with "
            f'"page_content" or "text", or an object with .page_content'
        ) from error


def _member(document: Any, name: str) -> Any:
    if isinstance(document, str):
        return None
    if isinstance(document, Mapping):
        return document.get(name)
    try:
        return getattr(document, name)
    except AttributeError as error:
        if inspect.getattr_static(document, name, None) is None:
            return None
        raise InputTypeError(
            f"the {name} of a document of type {type(document).__name__} cannot be read: {error}"
        ) from error


def metadata_of(document: Any) -> dict[str, Any]:
    """The metadata of a document; an empty dict where it has none. Raises InputTypeError."""
    metadata = _member(document, "metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InputTypeError(
            f"a document's metadata is of type {type(metadata).__name__}, not a dict"
        )
    return metadata if isinstance(metadata, dict) else dict(metadata)


def id_of(document: Any) -> str | None:
    identifier = _member(document, "id")
    return None if identifier is None else str(identifier)


def native_documents(
    documents: Iterable[Any], with_metadata: bool
) -> tuple[list[Any], list[tuple[str, dict[str, Any] | None]]]:
    """The documents as a list, and as the compiled part reads them."""
    if isinstance(documents, (str, bytes, Mapping)) or not hasattr(documents, "__iter__"):
        raise InputTypeError(
            f"documents is of type {type(documents).__name__}; it must be a list of documents"
        )
    listed = list(documents)
    return listed, [(content_of(d), metadata_of(d) if with_metadata else None) for d in listed]
