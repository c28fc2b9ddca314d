"""Discord's timestamps `<t:unix:style>` in words (styles: docs.discord.com, reference, "Timestamp styles")."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_UNITS = (
    ("year", timedelta(days=365)),
    ("month", timedelta(days=30)),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
    ("second", timedelta(seconds=1)),
)


def spoken_time(unix: int, style: str, time_zone: tzinfo, now: datetime | None) -> str:
    """A point in time as people say it; "a date" where it is beyond the calendar.

    Args:
        unix: Seconds since 1970.
        style: Discord's letter; unknown ones are spoken as date and time.
        time_zone: In which it is spoken.
        now: For the relative style `R`; None: that is spoken as date and time.

    """
    try:
        moment = datetime.fromtimestamp(unix, time_zone)
    except (OverflowError, ValueError, OSError):
        return "a date"
    date = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    time = f"{moment.hour}:{moment.minute:02}"
    if style == "R" and now is not None:
        return _relative(moment - now)
    spoken = {"t": time, "T": f"{time}:{moment.second:02}", "d": date, "D": date}
    spoken["F"] = f"{_DAYS[moment.weekday()]}, {date}, {time}"
    return spoken.get(style, f"{date}, {time}")


def _relative(distance: timedelta) -> str:
    size = abs(distance)
    for unit, length in _UNITS:
        if size >= length:
            count = size // length
            words = f"{count} {unit}" + ("s" if count > 1 else "")
            return f"in {words}" if distance > timedelta() else f"{words} ago"
    return "now"
