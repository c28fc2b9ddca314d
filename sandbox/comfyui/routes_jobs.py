"""/api/jobs: the queue and the history as one list. These routes exist below `/api` only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.replies import Route, json_body
from sandbox.comfyui.routes_prompts import is_canonical_uuid

STATUSES = ["pending", "in_progress", "completed", "failed", "cancelled"]
PREVIEWABLE = {"images", "video", "audio", "3d", "text"}


def routes(instance: ServerInstance) -> list[Route]:
    """The routes of this module for one server instance; none if its version is older than they are."""
    jobs = _Jobs(instance)
    found: list[Route] = []
    if instance.options.has_jobs:
        found += [("GET", "/api/jobs", jobs.list_jobs), ("GET", "/api/jobs/{job_id}", jobs.get_job)]
    if instance.options.cancels_jobs:
        found += [
            ("POST", "/api/jobs/cancel", jobs.cancel_many),
            ("POST", "/api/jobs/{job_id}/cancel", jobs.cancel),
        ]
    return found


class _Jobs:
    def __init__(self, instance: ServerInstance) -> None:
        self._instance = instance

    async def list_jobs(self, request: web.Request) -> web.Response:
        query = request.rel_url.query
        statuses = [each.strip().lower() for each in query.get("status", "").split(",") if each.strip()]
        sort_by, order = query.get("sort_by", "created_at").lower(), query.get("sort_order", "desc").lower()
        error = _query_error(statuses, sort_by, order, query)
        if error is not None:
            return _error_response(error)
        limit = int(query["limit"]) if "limit" in query else None
        offset = max(int(query.get("offset", "0")), 0)
        jobs = [each for each in self._jobs() if not statuses or each["status"] in statuses]
        jobs.sort(key=_duration if sort_by == "execution_duration" else _creation_time, reverse=order == "desc")
        page = jobs[offset : offset + limit if limit is not None else None]
        pagination = {
            "offset": offset,
            "limit": limit,
            "total": len(jobs),
            "has_more": offset + len(page) < len(jobs),
        }
        return web.json_response({"jobs": page, "pagination": pagination})

    async def get_job(self, request: web.Request) -> web.Response:
        job_id = request.match_info["job_id"]
        for job in self._jobs():
            if job["id"] == job_id:
                return web.json_response({**job, **self._details(job_id)})
        return web.json_response({"error": "Job not found"}, status=404)

    async def cancel(self, request: web.Request) -> web.Response:
        return web.json_response({"cancelled": self._instance.cancel(request.match_info["job_id"])})

    async def cancel_many(self, request: web.Request) -> web.Response:
        try:
            body: Any = await json_body(request)
        except ValueError:
            return _error_response("Request body must be valid JSON")
        except TypeError:
            body = {}
        ids = body.get("job_ids")
        if not isinstance(ids, list):
            return _error_response("job_ids must be a list")
        invalid = [each if isinstance(each, str) else repr(each) for each in ids if not is_canonical_uuid(each)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if invalid:
            return web.json_response({"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}, status=400)
        cancelled = [self._instance.cancel(each) for each in ids]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return web.json_response({"cancelled": any(cancelled)})

    def _jobs(self) -> list[dict[str, Any]]:
        running, pending = self._instance.queue.snapshot()
        queued = [_queued_job(item, "in_progress") for item in running] + [
            _queued_job(item, "pending") for item in pending
        ]
        return queued + [_finished_job(prompt_id, entry) for prompt_id, entry in self._instance.queue.history().items()]

    def _details(self, job_id: str) -> dict[str, Any]:
        entry = self._instance.queue.history(job_id).get(job_id)
        if entry is None:
            return {}
        return {
            "outputs": entry["outputs"],
            "execution_status": entry["status"],
            "workflow": {"prompt": entry["prompt"][2], "extra_data": entry["prompt"][3]},
        }


def _query_error(statuses: list[str], sort_by: str, order: str, query: Mapping[str, str]) -> str | None:
    """ComfyUI's message about the first query parameter that is wrong, or None."""
    unknown = [each for each in statuses if each not in STATUSES]
    checks = [
        (unknown, f"Invalid status value(s): {', '.join(unknown)}. Valid values: {', '.join(STATUSES)}"),
        (sort_by not in {"created_at", "execution_duration"}, "sort_by must be 'created_at' or 'execution_duration'"),
        (order not in {"asc", "desc"}, "sort_order must be 'asc' or 'desc'"),
        (not _is_integer(query.get("limit", "1")), "limit must be an integer"),
        (
            not _is_integer(query.get("limit", "1")) or int(query.get("limit", "1")) <= 0,
            "limit must be a positive integer",
        ),
        (not _is_integer(query.get("offset", "0")), "offset must be an integer"),
    ]
    return next((sentence for wrong, sentence in checks if wrong), None)


def _is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _queued_job(item: list[Any], status: str) -> dict[str, Any]:
    return {
        "id": item[1],
        "status": status,
        "priority": item[0],
        "create_time": item[3].get("create_time"),
        "outputs_count": 0,
        "previewable_outputs_count": 0,
    }


def _finished_job(prompt_id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    messages: dict[str, Any] = dict(entry["status"]["messages"])
    if entry["status"]["status_str"] == "success":
        status = "completed"
    else:
        status = "cancelled" if "execution_interrupted" in messages else "failed"
    files: list[dict[str, Any]] = [
        {**file, "nodeId": node_id, "mediaType": key}
        for node_id, output in entry["outputs"].items()
        for key, values in output.items()
        for file in values
        if isinstance(file, dict)
    ]
    last = list(messages.values())[-1]
    preview = next((each for each in files if each["type"] == "output"), files[0] if files else None)
    job = {
        "id": prompt_id,
        "status": status,
        "priority": entry["prompt"][0],
        "create_time": entry["prompt"][3].get("create_time"),
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": last["timestamp"],
        "execution_error": messages.get("execution_error"),
        "outputs_count": len(files),
        "previewable_outputs_count": sum(each["mediaType"] in PREVIEWABLE for each in files),
        "preview_output": preview,
    }
    return {key: value for key, value in job.items() if value is not None}


def _creation_time(job: Mapping[str, Any]) -> float:
    return job.get("create_time") or 0


def _duration(job: Mapping[str, Any]) -> float:
    return job.get("execution_end_time", 0) - job.get("execution_start_time", 0)


def _error_response(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)
