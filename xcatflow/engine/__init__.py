"""Schedules lanes, converges steps, keeps locks."""
