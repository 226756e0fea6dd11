"""Every figure twice: printed by Matplotlib, and as a chart of index.html with the same numbers.

catalogue       which figures there are, and under which captions
style           the look that printed figures share
background      drawing in a second process
traces          where figures come from
curves          curves over a run
comparisons     the forest of differences; score against clipping
paired          seed by seed
paired_chart    its chart
factors         effects and crossings of factors
factor_charts   their charts
factor_numbers  their numbers
replay          clip fractions and trade-off of a replay
replay_charts   their charts
study_charts    charts of curves, forest and clipping
model           Chart: what a chart shows, apart from how it is drawn
svg             a chart as HTML
svg_frame       its axes
svg_marks       its lines, points, slopes and tiles
"""
