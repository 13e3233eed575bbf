"""Where a change reaches: functions, signatures, callers, risk."""
