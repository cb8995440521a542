"""One format of time on all pages: `2026-11-29 03:51 UTC`."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i e"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i e"
