"""Run folders and a study manifest in; tables, plots, gates and a report out. No torch on this side."""
