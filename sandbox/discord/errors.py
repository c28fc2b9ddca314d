"""Discord's errors: HTTP status, JSON error code, and the tree of form errors (topics/opcodes-and-status-codes)."""

from __future__ import annotations

from typing import Any

from sandbox.discord.json_values import Json


class ApiError(Exception):
    """The error response to a request.

    `violation` marks requests that no correct client sends, so that a test can assert that there were none.
    """

    def __init__(
        self, status: int, code: int, message: str, *, errors: Json | None = None, violation: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.violation = violation

    def body(self) -> Json:
        """The JSON body of the response."""
        body: Json = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def unauthorized() -> ApiError:
    """The bot token is missing or wrong."""
    return ApiError(401, 0, "401: Unauthorized")


def unknown(what: str) -> ApiError:
    """Something does not exist, or no longer; `what` is its name in Discord's message, such as "Channel"."""
    codes = {
        "Channel": 10003, "Guild": 10004, "Member": 10007, "Message": 10008, "Role": 10011, "User": 10013,
        "Emoji": 10014,
        "Webhook": 10015, "interaction": 10062, "application command": 10063,
    }  # fmt: skip
    return ApiError(404, codes[what], f"Unknown {what}")


def missing_access() -> ApiError:
    """The bot cannot view the channel, or is no member of the guild."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """The bot can view the channel but lacks a permission."""
    return ApiError(403, 50013, "Missing Permissions")


def malformed(code: int, message: str) -> ApiError:
    """Status 400 with a code of its own, for a request that no correct client sends, such as an empty message."""
    return ApiError(400, code, message, violation=True)


class FormErrors:
    """Collects everything that is wrong with a request's body, for one response with code 50035."""

    def __init__(self) -> None:
        self._tree: Json = {}

    def add(self, path: str, code: str, message: str) -> None:
        """Add an error at a dotted path such as `embeds.0.title`."""
        node: Json = self._tree
        for key in path.split("."):
            node = node.setdefault(key, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def length(self, path: str, value: Any, low: int, high: int) -> None:
        """Add an error unless a string or list has `low` to `high` characters or items. None is not checked."""
        if value is None:
            return
        if not isinstance(value, str | list):
            self.add(path, "BASE_TYPE_STRING", "Could not interpret value as string.")
            return
        size = len(value)  # pyright: ignore[reportUnknownArgumentType] - any list has a length
        if size > high or size < low:
            bound = "BASE_TYPE_MAX_LENGTH" if size > high else "BASE_TYPE_MIN_LENGTH"
            limit = f"{high} or fewer" if size > high else f"{low} or more"
            self.add(path, "BASE_TYPE_BAD_LENGTH" if low else bound, f"Must be {limit} in length.")

    def required(self, path: str, value: Any) -> bool:
        """Add an error if a value is missing; returns whether it is there."""
        if value is None or value == "":
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
            return False
        return True

    def raise_if_any(self) -> None:
        """Raise the errors that were added.

        Raises:
            ApiError: Status 400, code 50035, with the tree of errors. Not raised if there are none.

        """
        if self._tree:
            raise ApiError(400, 50035, "Invalid Form Body", errors=self._tree, violation=True)
