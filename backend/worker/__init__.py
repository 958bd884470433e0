"""What happens later or on a timetable; each piece calls a service."""
