"""Random schedules of commands, events and crashes, against a small model of the promises."""
