"""Every figure twice: printed by Matplotlib, and as a chart of index.html with the same numbers. A module per figure.

catalogue               which figures there are, in their order
figure                  what a figure is
files                   figures as files, and the captions of a report
background              drawing in a second process
style                   the look that printed figures share
labels                  text in print: widths, labels at the ends of lines, one legend
forest                  every arm's difference to what it is tested against
paired_by_seed          seed by seed
factor_effects          scores by level of every factor
heat_map                scores where two factors cross
factors                 what these two share
clip_against_accuracy   score against clipping
curves                  over a run
replay                  recorded runs under other clip bounds
clipping                whether arms were matched on clipping
arm_series              who is drawn in charts of a study
model                   Chart: what a chart shows, apart from how it is drawn
svg                     a chart as HTML
svg_forest              a forest plot
svg_frame               axes of a panel
svg_marks               its lines, points, slopes and tiles
"""
