"""Background services of the store process: reaper, auditor, and what runs them (L4)."""
