"""Chunks of immutable devices: list, export and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev._limits.routes import Route
from tagodev._models import Chunk, ChunkBackup
from tagodev._resources.requests.data import check_text
from tagodev._resources.resource import Resource, removed
from tagodev._retry import Safety
from tagodev._serialization.converter import to_json
from tagodev._signatures import strict

if TYPE_CHECKING:
    from tagodev._session import CallOptions

__all__ = ["Chunks"]

_LIST: Final = Route("GET", "/device/:device_id/chunk")
_DELETE: Final = Route("DELETE", "/device/:device_id/chunk/:chunk_id")
_BACKUP: Final = Route("POST", "/device/:device_id/chunk/backup")

# Inside the class `list` is a method.
_Chunks: TypeAlias = list[Chunk]


@strict
class Chunks(Resource):
    """The chunks of immutable devices: ``tago.chunks``."""

    async def list(self, device_id: str, **options: Unpack[CallOptions]) -> _Chunks:
        """Return the chunks of a device, in one request.

        Args:
            device_id: the device's id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            for chunk in await tago.chunks.list(archive_id):
                print(chunk.id, chunk.amount)
            ```
        """
        return await self._call(_Chunks, options, _LIST, device_id)

    async def delete(self, device_id: str, chunk_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete a chunk with all its data.

        Args:
            device_id: the device's id.
            chunk_id: the chunk's id.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the chunk does not exist, and no earlier attempt of this call with a lost
                answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            await tago.chunks.delete(archive_id, chunk_id)
            ```
        """
        safety = Safety.IDEMPOTENT
        await removed(self._call(object, options, _DELETE, device_id, chunk_id, safety=safety))

    async def backup(
        self,
        device_id: str,
        chunk_id: str,
        file_address: str,
        *,
        headers: bool = True,
        **options: Unpack[CallOptions],
    ) -> ChunkBackup:
        """Schedule the export of a chunk as CSV to Files.

        Args:
            device_id: the device's id.
            chunk_id: the chunk's id.
            file_address: the path of the file; ``$DEVICE$``, ``$CHUNK$``, ``$FROM$``, ``$TO$`` and
                ``$TIMESTAMP$`` in it are replaced.
            headers: whether the file has a header row.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed; it is not sent again if the answer is lost.

        Example:
            ```python
            backup = await tago.chunks.backup(archive_id, chunk_id, "/backup/$DEVICE$.csv")
            print(backup.file_address)
            ```
        """
        check_text("chunk_id", chunk_id)
        check_text("file_address", file_address)
        body = to_json({"chunk_id": chunk_id, "file_address": file_address, "headers": headers})
        return await self._call(
            ChunkBackup, options, _BACKUP, device_id, safety=Safety.ONCE, body=body
        )
